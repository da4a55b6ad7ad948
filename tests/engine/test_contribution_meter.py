"""Contributions of the modalities of a tiny estimator, computed the long way round."""

import math

import pytest
import torch
from no_waiting import NoWaiting

from mmpose_ext.engine import contribution_meter
from mmpose_ext.engine.contribution_meter import ContributionMeter, make_plan
from mmpose_ext.evaluation.functional import (
    coalitions,
    negative_mse_profit,
    pearson_profit,
    shapley_values,
)
from tests.fixtures.tiny_multi_modal import (
    FUSIONS,
    MODALITIES,
    tiny_batch,
    tiny_multi_modal,
)


def batches(model, seeds=(0, 1, 2)):
    """Features, presence and truth of some batches; one sample lacks the radar."""
    for seed in seeds:
        inputs, samples = tiny_batch(5 + seed, seed=seed)
        inputs['valid'][1, 2] = False
        with torch.no_grad():
            features = model.encode(inputs)
        yield features, model.present(inputs), samples['pose']


def measured(model, plan=None, **options):
    meter = ContributionMeter(
        model.modalities,
        plan or make_plan('exact', len(model.modalities), 0),
        **options,
    )
    for features, present, pose in batches(model):
        with NoWaiting():
            meter.add(model, features, present, pose)
    return meter.compute()


def expected(model, profit=pearson_profit):
    """Encoders, fusion and head once for each of the 16 subsets."""
    pred, truth = [], []
    with torch.no_grad():
        for features, present, pose in batches(model):
            of_subsets = [
                model.predict_features(features, present & mask)
                for mask in coalitions(4)
            ]
            pred.append(torch.stack(of_subsets).flatten(2))
            truth.append(pose.flatten(1))
    pred, truth = torch.cat(pred, 1), torch.cat(truth)
    return shapley_values(profit(pred, truth)), pred


@pytest.mark.parametrize('fusion', FUSIONS)
def test_values(fusion):
    model = tiny_multi_modal(fusion=FUSIONS[fusion]).eval()
    found, (values, pred) = measured(model), expected(model)
    assert list(found.scores) == list(MODALITIES)
    assert list(found.scores.values()) == pytest.approx(values.tolist(), abs=1e-4)
    assert set(found.errors.values()) == {0.0}
    alone = [
        part - part.mean(1, keepdim=True)
        for part in pred[[1, 2, 4, 8]].split([5, 6, 7], 1)
    ]
    deviations = 1000 * torch.cat(alone, 1).std(1, correction=0).mean(1)
    assert list(found.deviations_mm.values()) == pytest.approx(
        deviations.tolist(), rel=1e-4
    )


def test_mse():
    model = tiny_multi_modal().eval()
    values, _ = expected(model, negative_mse_profit)
    found = measured(model, profit='mse')
    assert list(found.scores.values()) == pytest.approx(values.tolist(), rel=1e-4)


def test_a_dead_modality():
    """A modality whose features are constant contributes nothing; others do."""
    model = tiny_multi_modal().eval()
    torch.nn.init.zeros_(model.encoders['wifi'].linear.weight)
    found = measured(model)
    assert found.scores['wifi'] == pytest.approx(0, abs=1e-6)
    assert found.deviations_mm['wifi'] == pytest.approx(0, abs=1e-3)
    assert abs(found.scores['rgb']) > 1e-3


def test_pool_of_batches():
    """The mean of the batches' scores; a batch of one does not count."""
    model = tiny_multi_modal().eval()
    found = []
    for rows in batches(model):
        meter = ContributionMeter(model.modalities, make_plan('exact', 4, 0))
        meter.add(model, *rows)
        found.append(list(meter.compute().scores.values()))
    means = torch.tensor(found).mean(0)
    meter = ContributionMeter(model.modalities, make_plan('exact', 4, 0), pool='batch')
    for features, present, pose in batches(model):
        meter.add(model, features, present, pose)
        one = {name: feature[:1] for name, feature in features.items()}
        meter.add(model, one, present[:1], pose[:1])
    assert list(meter.compute().scores.values()) == pytest.approx(means.tolist())


def test_drift():
    """What all predictions of a batch have in common does not count if centred."""
    model = tiny_multi_modal().eval()
    found = {}
    for pool in ('epoch', 'centred'):
        for drift in (0.0, 1.0):
            meter = ContributionMeter(MODALITIES, make_plan('exact', 4, 0), pool=pool)
            for number, rows in enumerate(batches(model)):
                with torch.no_grad():
                    model.head.regression.bias.add_(drift * number)
                meter.add(model, *rows)
            found[pool, drift] = meter.compute()
            torch.nn.init.zeros_(model.head.regression.bias)
    scores = [found['centred', drift].scores for drift in (0.0, 1.0)]
    assert scores[0] == pytest.approx(scores[1], abs=1e-3)
    scores = [found['epoch', drift].scores for drift in (0.0, 1.0)]
    assert scores[0] != pytest.approx(scores[1], abs=1e-1)
    deviations = [found['epoch', drift].deviations_mm for drift in (0.0, 1.0)]
    assert deviations[0] == pytest.approx(deviations[1], rel=1e-3)


def test_mean_features():
    """With the mean in their place, absent modalities count otherwise."""
    model = tiny_multi_modal().eval()
    assert measured(model).scores == measured(model, absent='zero').scores
    found = {}
    for profit in ('pearson', 'mse'):
        for absent in ('zero', 'mean'):
            plan = make_plan('exact', 4, 0)
            meter = ContributionMeter(MODALITIES, plan, profit=profit, absent=absent)
            features, present, pose = next(batches(model))
            meter.add(model, features, torch.ones_like(present), pose)
            found[profit, absent] = meter.compute().scores
    # A linear head on a concatenation: constants do not change a correlation.
    assert found['pearson', 'zero'] == pytest.approx(found['pearson', 'mean'], abs=1e-4)
    assert found['mse', 'zero'] != pytest.approx(found['mse', 'mean'], rel=1e-2)


@pytest.mark.parametrize('estimator', ['permutation', 'kernel'])
def test_sampled(estimator):
    """All subsets of four are drawn in the end, and the estimate is near the truth."""
    model = tiny_multi_modal(fusion=FUSIONS['mlp']).eval()
    exact = measured(model).scores
    found = measured(model, make_plan(estimator, 4, 2000))
    for name, score in found.scores.items():
        assert score == pytest.approx(
            exact[name], abs=max(4 * found.errors[name], 1e-3)
        )
    assert sum(found.scores.values()) == pytest.approx(sum(exact.values()), abs=1e-4)


def test_leaves_the_model_alone():
    """Modes, gradients and features of half precision."""
    model = tiny_multi_modal(fusion=FUSIONS['attention']).train()
    model.head.eval()
    features, present, pose = next(batches(model))
    meter = ContributionMeter(model.modalities, make_plan('exact', 4, 0))
    half = {name: feature.bfloat16() for name, feature in features.items()}
    meter.add(model, half, present, pose)
    assert model.fusion.training and not model.head.training
    assert all(p.grad is None for p in model.parameters())
    assert all(math.isfinite(v) for v in meter.compute().scores.values())


def test_processes(monkeypatch):
    """What several processes have seen counts like one batch after the other."""
    model = tiny_multi_modal().eval()
    for pool in ('epoch', 'centred', 'batch'):
        whole = measured(model, pool=pool)
        states = []

        def keep(state, states=states):
            states.append(state)
            return [state]

        monkeypatch.setattr(contribution_meter, 'all_gather_object', keep)
        for rows in batches(model):
            meter = ContributionMeter(
                model.modalities, make_plan('exact', 4, 0), pool=pool
            )
            meter.add(model, *rows)
            meter.compute()
        monkeypatch.setattr(
            contribution_meter, 'all_gather_object', lambda _, s=states: s
        )
        together = ContributionMeter(
            model.modalities, make_plan('exact', 4, 0), pool=pool
        ).compute()
        monkeypatch.undo()
        assert list(together.scores.values()) == pytest.approx(
            list(whole.scores.values())
        )


def test_no_batch():
    assert ContributionMeter(MODALITIES, make_plan('exact', 4, 0)).compute() is None


def test_invalid():
    with pytest.raises(ValueError, match="'exact' takes 2\\^7 subsets"):
        make_plan('exact', 7, 0)
    with pytest.raises(ValueError, match="estimator must be .* got 'monte_carlo'"):
        make_plan('monte_carlo', 4, 8)
    plan = make_plan('exact', 4, 0)
    for option in (dict(profit='r2'), dict(pool='step'), dict(absent='noise')):
        with pytest.raises(ValueError, match=f'{next(iter(option))} must be one of'):
            ContributionMeter(MODALITIES, plan, **option)
