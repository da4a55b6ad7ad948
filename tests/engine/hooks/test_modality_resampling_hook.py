"""Re-sampling: what is added after the warm-up, lengths, resumed runs."""

from __future__ import annotations

import copy

import pytest
import torch
from mmengine.dataset import DefaultSampler
from mmengine.runner import Runner

import mmpose_ext  # noqa: F401
from mmpose_ext.engine.hooks import ModalityResamplingHook
from mmpose_ext.evaluation.functional.dominance import dominance
from mmpose_ext.evaluation.functional.pearson import PearsonSums
from mmpose_ext.evaluation.functional.shapley import coalitions, shapley_values
from tests.fixtures.tiny_multi_modal import MODALITIES
from tests.fixtures.tiny_sensor_run import CHECKPOINTS, loader_config, made_run

HOOK = dict(type='ModalityResamplingHook', warm_up=1)
LOADER = loader_config(sampler='ModalityResampler')


def run(work_dir, hook=HOOK, *, epochs=3, loader=LOADER, hooks=(), **options):
    hooks = [dict(type='StepSeedHook'), *([hook] if hook else []), *hooks]
    loader = copy.deepcopy(loader)
    return made_run(work_dir, hooks, epochs=epochs, train_dataloader=loader, **options)


def history(runner):
    return runner.message_hub.get_info('modality_resampling')


def test_in_runner(tmp_path):
    """The share of added samples is the lead; lengths and steps follow."""
    runner = run(tmp_path)
    rows = history(runner)
    assert [row['epoch'] for row in rows] == [1, 2]
    steps = 4
    for row in rows:
        values = torch.tensor(list(row['scores'].values())).double()
        assert list(row['scores']) == list(MODALITIES)
        drop, lead = dominance(values)
        assert row['drop'] == [MODALITIES[number] for number in drop]
        assert row['added'] == int(24 * lead) > 0
        steps += -(-(24 + row['added']) // 6)
    assert runner.iter == steps == runner.max_iters
    assert runner.message_hub.get_info('max_iters') == steps
    assert (
        runner.optim_wrapper._inner_count == steps == runner.optim_wrapper._max_counts
    )


def test_added_samples_reach_the_model(tmp_path):
    seen = []

    class Recording(type(run(tmp_path / 'first', None, train=False).model)):
        def present(self, inputs):
            if self.training:
                seen.append(super().present(inputs))
            return super().present(inputs)

    runner = run(tmp_path / 'second', train=False)
    runner.model.__class__ = Recording
    runner.train()
    absent = ~torch.cat(seen)
    expected = torch.zeros(4, dtype=torch.long)
    for row in history(runner):
        for name in row['drop']:
            expected[MODALITIES.index(name)] += row['added']
    assert absent.sum(0).tolist() == expected.tolist()
    assert absent.sum(1).max() == 1


def scores_of(model, batches):
    sums = PearsonSums()
    for batch in batches:
        data = model.data_preprocessor(batch, False)
        features = model.encode(data['inputs'])
        pred = model.predict_subsets(features, coalitions(4))
        sums.update(pred.flatten(2), data['data_samples']['pose'].flatten(1))
    return shapley_values(sums.correlations().sum(-1)).detach()


def test_values(tmp_path):
    """Contributions are estimated on the first batches of the epoch."""
    runner = run(tmp_path, HOOK | dict(warm_up=2, estimate_share=0.5), **CHECKPOINTS)
    (row,) = history(runner)
    model = run(tmp_path / 'other', None, train=False).model.eval()
    state = torch.load(tmp_path / 'epoch_2.pth', weights_only=False)['state_dict']
    model.load_state_dict(state)
    loader = Runner.build_dataloader(copy.deepcopy(LOADER), seed=1)
    loader.sampler.set_epoch(2)
    expected = scores_of(model, list(loader)[:2])
    found = torch.tensor(list(row['scores'].values())).double()
    torch.testing.assert_close(found, expected, atol=1e-3, rtol=1e-3)


def test_warm_up_is_an_ordinary_run(tmp_path):
    with_hook = run(tmp_path / 'with', HOOK | dict(warm_up=3))
    without = run(tmp_path / 'without', None, loader=loader_config())
    assert isinstance(without.train_dataloader.sampler, DefaultSampler)
    for name, value in without.model.state_dict().items():
        assert torch.equal(with_hook.model.state_dict()[name], value)


def test_an_estimate_leaves_no_trace(tmp_path):
    with_hook = run(tmp_path / 'with', HOOK | dict(alpha=0.0))
    without = run(tmp_path / 'without', None, loader=loader_config())
    assert [row['added'] for row in history(with_hook)] == [0, 0]
    for name, value in without.model.state_dict().items():
        assert torch.equal(with_hook.model.state_dict()[name], value)


def test_resumed_run_sees_what_an_uninterrupted_one_sees(tmp_path):
    whole = run(tmp_path / 'whole', epochs=4, **CHECKPOINTS)
    resumed = run(
        tmp_path / 'resumed',
        epochs=4,
        load_from=str(tmp_path / 'whole/epoch_2.pth'),
        resume=True,
    )
    assert history(resumed) == history(whole) and resumed.iter == whole.iter
    for name, value in whole.model.state_dict().items():
        assert torch.equal(resumed.model.state_dict()[name], value)


def test_accumulation_knows_the_new_length(tmp_path):
    """The wrapper was told 12 steps; it would divide by 0 in the 13th."""
    wrapper = dict(optimizer=dict(type='Adam', lr=1e-2), accumulative_counts=4)
    runner = run(tmp_path, optim_wrapper=wrapper)
    assert runner.iter > 12
    assert all(p.grad is None for p in runner.model.parameters()), 'all are used'


def test_shared_scores(tmp_path):
    hook = HOOK | dict(scores='shared', dominant='superior')
    runner = run(tmp_path, hook, hooks=[dict(type='ShapleyContributionHook')], epochs=2)
    (row,) = history(runner)
    assert row['added'] > 0 and row['drop']
    with pytest.raises(ValueError, match='no contribution_scores yet'):
        run(tmp_path / 'none', hook)


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(warm_up=-1), 'got -1, 1.0 and 0.2'),
        (dict(alpha=-0.1), 'alpha of at least 0'),
        (dict(estimate_share=0.0), r'estimate_share in \(0, 1\]'),
        (dict(dominant='all'), "'top' or 'superior', got 'all'"),
        (dict(scores='old'), "'estimate' or 'shared', got 'old'"),
    ],
)
def test_invalid(options, message):
    with pytest.raises(ValueError, match=message):
        ModalityResamplingHook(**options)


def test_invalid_runs(tmp_path):
    with pytest.raises(ValueError, match="'ModalityResampler'.*got DefaultSampler"):
        run(tmp_path / 'a', loader=loader_config())
    with pytest.raises(ValueError, match=r"only \['rgb'\]"):
        loader = loader_config(sampler='ModalityResampler', modalities=('rgb',))
        run(tmp_path / 'b', loader=loader, model=dict(modalities=('rgb',)))
