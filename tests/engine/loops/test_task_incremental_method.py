"""What the parts of the method do to the weights, epoch by epoch."""

from __future__ import annotations

import pytest
import torch

from mmpose_ext.engine.continual.task_estimates import mean_contributions
from mmpose_ext.evaluation.functional.two_means import two_means
from tests.fixtures.task_runs import TRAIN

ALPHAS = {True: 0.5, False: 0.7}
"""Share of the old weights of superior and inferior encoders (Peng et al.)."""


@pytest.fixture(params=['uninterrupted', 'otherwise'])
def run(request):
    return request.getfixturevalue(request.param)


def test_weights_are_pulled_to_those_of_the_task_before(run):
    """By lambda times its Fisher information, in training alone."""
    strength = run.runner.cfg.train_cfg.consolidation.weight
    for epoch in run.epochs:
        ((reference, stiffness),) = epoch.pulls
        if epoch.stage.phase == 'fit' or not epoch.stage.task:
            assert not reference and not stiffness, epoch.stage
            assert not any(epoch.consolidation)
            continue
        before = run.after_task(epoch.stage.task - 1)
        (fisher,) = before['continual']['fisher']
        names = {name for name, _ in run.loop.model.named_parameters()}
        assert reference.keys() == stiffness.keys() == fisher.keys() == names
        for name in names:
            assert torch.equal(reference[name], before['state_dict'][name]), name
            torch.testing.assert_close(stiffness[name], strength * fisher[name])
        assert any(value.any() for value in stiffness.values())
        # Nothing pulls weights that have not moved, as in the very first step.
        assert min(epoch.consolidation[1:]) > 0


def test_fitted_weights_are_given_up_or_kept(run):
    restored = run.loop.method.separation.restore
    for fit, epoch in zip(run.epochs, run.epochs[1:], strict=False):
        if (fit.stage.phase, epoch.stage.phase) != ('fit', 'train'):
            continue
        before = run.after_task(epoch.stage.task - 1)['state_dict']
        fitted = run.after(fit.stage)['state_dict']
        assert any(not torch.equal(fitted[name], before[name]) for name in before)
        start = run.after(epoch.stage)['continual']['start']
        expected = before if restored else fitted
        for name, value in epoch.state.items():
            assert torch.equal(start[name], before[name]), name
            assert torch.equal(value, expected[name]), name


def test_encoders_go_part_of_the_way_back(run):
    """To the task's start, by the scores on its clean samples (Eq. 4)."""
    chosen = set()
    for task in range(len(run.loop.tasks)):
        previous, epoch = [e for e in run.epochs if e.stage.task == task][-TRAIN:]
        assert epoch.stage.epoch == run.loop.method.relearning.epoch
        trained = run.after(previous.stage)['state_dict']
        scores = scores_of(run, trained, task)
        upper = two_means(list(scores.values())).tolist()
        alphas = {n: ALPHAS[up] for n, up in zip(scores, upper, strict=True)}
        chosen |= set(alphas.values())
        start = first_epoch(run, task).state
        for name, value in epoch.state.items():
            alpha = alphas[name.split('.')[1]] if name.startswith('encoders.') else 0
            expected = alpha * start[name] + (1 - alpha) * trained[name]
            torch.testing.assert_close(value, expected, msg=f'{epoch.stage}, {name}')
    assert chosen == set(ALPHAS.values())


def test_fisher_information_is_of_the_tasks_clean_samples(run):
    """And adapts to the noise that was found (Eq. 7 to 9)."""
    consolidation = run.loop.method.consolidation
    old, some_left_out = None, False
    for task in range(len(run.loop.tasks)):
        checkpoint = run.after_task(task)
        state = checkpoint['continual']
        clean = state['clean'].get(task)
        data = run.loop.task_data
        some_left_out |= clean is not None and len(clean) < data.sizes[task]
        model = rebuilt(run, checkpoint['state_dict'])
        new = fisher_by_hand(
            model,
            data.mixed(data.part(task, clean), run.runner.seed + task),
            each=consolidation.estimator == 'per_sample',
        )
        found = state['record']['separation'][task]
        (fisher,), (reference,) = state['fisher'], state['reference']
        assert fisher.keys() == new.keys()
        for name, expected in new.items():
            if old and name.startswith(f'encoders.{found["identified"]}.'):
                expected = 0.3 * expected + 0.7 * old[name]
            elif old and consolidation.others == 'accumulate':
                expected = expected + 0.5 * old[name]
            torch.testing.assert_close(
                fisher[name], expected, rtol=1e-4, atol=0, msg=f'task {task}, {name}'
            )
            assert torch.equal(reference[name], checkpoint['state_dict'][name])
        old = fisher
    assert some_left_out


def first_epoch(run, task):
    return next(epoch for epoch in run.epochs if epoch.stage.task == task)


def rebuilt(run, state):
    """The network with other weights."""
    model = run.runner.build_model(run.runner.cfg.model)
    model.load_state_dict(state)
    return model.eval()


def scores_of(run, state, task):
    """Contributions on the samples that a task is trained on."""
    data = run.loop.task_data
    batches = data.in_order(data.part(task, run.loop.clean.get(task)))
    return mean_contributions([rebuilt(run, state)], batches)


def fisher_by_hand(model, batches, *, each):
    """Squared gradients of samples' losses, or of those of batches, by autograd."""
    parameters = dict(model.named_parameters())
    sums, count = dict.fromkeys(parameters, 0.0), 0
    for batch in batches:
        data = model.data_preprocessor(batch, training=False)
        errors = model(data['inputs']) - data['data_samples']['pose']
        losses = errors.norm(dim=-1).mean(dim=1)
        count += len(losses)
        weight = 1 if each else len(losses)
        for loss in losses if each else [losses.mean()]:
            gradients = torch.autograd.grad(
                loss, list(parameters.values()), retain_graph=True
            )
            for name, gradient in zip(parameters, gradients, strict=True):
                sums[name] = sums[name] + weight * gradient.square()
    return {name: value / count for name, value in sums.items()}
