"""A step of students under bfloat16 is one in float32 up to rounding."""

from __future__ import annotations

import pytest
import torch
from mmengine.optim import build_optim_wrapper
from mmengine.registry import DefaultScope
from mmpose.registry import MODELS
from tiny_students import batch, easy_crops, students, views
from torch.testing import assert_close

AVERAGE = dict(type='ExponentialMovingAverage', momentum=0.1)
METHODS = {
    'dual': dict(kind='DualStudent'),
    'dual_joint': dict(kind='DualStudent', bn='joint'),
    'dual_easy_crop': dict(kind='DualStudent', views=views(hard_from='easy_crop')),
    'single': dict(kind='ConsistencyStudent'),
    'single_joint': dict(kind='ConsistencyStudent', bn='joint'),
    'mean_teacher': dict(kind='ConsistencyStudent', teacher=AVERAGE),
}
OPERATORS = [dict(type='BatchRandAugment'), dict(type='BatchJointCutout')]


@pytest.fixture(autouse=True)
def scope():
    with DefaultScope.overwrite_default_scope('mmpose'):
        yield


def build(method, wrapper='Bf16OptimWrapper', operators=OPERATORS):
    torch.manual_seed(0)
    model = MODELS.build(students(occlusions=[operators], **METHODS[method])).train()
    optimizer = dict(type='Adam', lr=1e-3)
    return model, build_optim_wrapper(model, dict(type=wrapper, optimizer=optimizer))


def data_of(method):
    return easy_crops(6) if 'crop' in method else batch(6)


def losses_of(method, wrapper='Bf16OptimWrapper'):
    """A model and the losses of its first step, in the precision of the wrapper.

    Nothing is cut out: rounding may move a maximum, and the cut with it.
    """
    model, optim = build(method, wrapper, operators=[])
    with optim.optim_context(model):
        return model, model.loss(*data_of(method))


def total(losses):
    return sum(value for name, value in losses.items() if 'loss' in name)


def gradients(model):
    return {name: p.grad for name, p in model.named_parameters() if p.requires_grad}


@pytest.mark.parametrize('method', METHODS)
def test_values(method):
    """Losses, responses and the direction of the gradient."""
    model, found = losses_of(method)
    exact, expected = losses_of(method, 'OptimWrapper')
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert_close(found[name].float(), value, atol=1e-3, rtol=0.03)
        if 'loss' in name:
            assert found[name].dtype == torch.float32
    flat = []
    for network, losses in ((model, found), (exact, expected)):
        total(losses).backward()
        assert not [name for name, g in gradients(network).items() if g is None]
        flat.append(torch.cat([g.flatten() for g in gradients(network).values()]))
    assert torch.cosine_similarity(*flat, dim=0) > 0.8


@pytest.mark.parametrize('method', METHODS)
def test_weights_stay_in_float32(method):
    model, optim = build(method)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    inputs, targets = data_of(method)
    data = dict(inputs=inputs, targets=targets, data_samples={})
    for _ in range(2):
        assert all(v.isfinite() for v in model.train_step(data, optim).values())
    for name, value in model.state_dict().items():
        assert value.dtype == before[name].dtype, name
        assert value.isfinite().all(), name
    for name, parameter in model.named_parameters():
        moved = not torch.equal(parameter, before[name])
        assert moved or name.startswith('teacher'), name
    slots = next(iter(optim.optimizer.state.values()))
    assert slots['exp_avg'].dtype == torch.float32


@pytest.mark.parametrize('method', METHODS)
def test_gradient_through_hard_views_alone(method, monkeypatch):
    """What is taught carries none, and a student's loss moves no other student."""
    model, optim = build(method)
    taught = []
    teach = model.teach
    monkeypatch.setattr(
        model, 'teach', lambda easy: [taught.append(teach(easy)), taught[-1]][1]
    )
    with optim.optim_context(model):
        losses = model.loss(*data_of(method))
    ((*lessons,),) = taught
    assert not any(lesson.heatmaps.requires_grad for lesson in lessons)
    alone = 'student0.' if len(model.students) > 1 else ''
    losses[f'{alone}loss_unlabelled'].backward()
    for name, gradient in gradients(model).items():
        assert (gradient is not None) == name.startswith('students.0.'), name
    # Without gradients at the hard view nothing would remain to learn from.
    assert gradients(model)['students.0.backbone.conv1.weight'].abs().sum() > 0
