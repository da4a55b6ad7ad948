import pytest
import torch
from mmpose.registry import MODELS
from no_waiting import NoWaiting
from torch import nn

from mmpose_ext.models.losses import WeightConstraintLoss, weight_constraint
from tests.fixtures.tiny_multi_modal import tiny_batch, tiny_multi_modal


def encoders():
    torch.manual_seed(0)
    return nn.ModuleDict({'rgb': nn.Linear(2, 3), 'wifi': nn.Linear(4, 1)})


def moved_from(module, by=0.1):
    """The parameters, now different from the copies that are returned."""
    reference = {n: p.detach().clone() for n, p in module.named_parameters()}
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(by * torch.randn_like(parameter))
    return reference


def fisher_of(module):
    return {n: torch.rand_like(p) for n, p in module.named_parameters()}


STRENGTHS = {'rgb': 20_000.0, 'wifi': 10_000.0}


def test_by_hand():
    theta = torch.tensor([1.0, 2.0], requires_grad=True)
    value = weight_constraint(
        [theta], [torch.tensor([0.0, 5.0])], [torch.tensor([4.0, 0.5])]
    )
    assert value.item() == (4 * 1 + 0.5 * 9) / 2
    (3 * value).backward()
    assert theta.grad.tolist() == [3 * 4 * 1.0, 3 * 0.5 * -3.0]


def test_values():
    """alpha_m / 2 sum F (theta - theta_0)^2, and alpha_m F (theta - theta_0)."""
    module, loss = encoders(), MODELS.build(dict(type='WeightConstraintLoss'))
    fisher, reference = fisher_of(module), moved_from(module)
    loss.set(reference, fisher, STRENGTHS)
    value = loss(module.named_parameters())
    shift = {n: (p - reference[n]).detach() for n, p in module.named_parameters()}
    alpha = {name: STRENGTHS[name.split('.')[0]] for name in shift}
    expected = sum(alpha[n] / 2 * (fisher[n] * shift[n].square()).sum() for n in shift)
    torch.testing.assert_close(value.detach(), expected)
    value.backward()
    for name, parameter in module.named_parameters():
        torch.testing.assert_close(
            parameter.grad, alpha[name] * fisher[name] * shift[name]
        )


def test_gradient():
    parameters = [torch.randn(3, 2).double().requires_grad_() for _ in range(2)]
    others = [torch.rand(3, 2).double() for _ in range(4)]
    assert torch.autograd.gradcheck(
        lambda *p: weight_constraint(p, others[:2], others[2:]).double(),
        parameters,
        atol=1e-2,  # summed in single precision
        rtol=1e-2,
        eps=1e-2,
    )


def test_off():
    """Zero while unset, at the reference, and after clear()."""
    module, loss = encoders(), WeightConstraintLoss()
    assert not loss.active and loss(module.named_parameters()).item() == 0
    reference = {n: p.detach().clone() for n, p in module.named_parameters()}
    loss.set(reference, fisher_of(module), 1e4)
    value = loss(dict(module.named_parameters()))
    value.backward()
    assert loss.active and value.item() == 0
    assert not any(p.grad.any() for p in module.parameters())
    moved_from(module)
    assert loss(module.named_parameters()).item() > 0
    loss.clear()
    assert loss(module.named_parameters()).item() == 0


def test_groups():
    """A group of strength 0 is free; one number holds for all; a factor for the sum."""
    module = encoders()
    fisher, reference = fisher_of(module), moved_from(module)
    values = {}
    for name, strengths in (
        ('all', 2.0),
        ('rgb', {'rgb': 2.0, 'wifi': 0.0}),
        ('wifi', {'rgb': 0.0, 'wifi': 2.0}),
    ):
        loss = WeightConstraintLoss(loss_weight=0.5)
        loss.set(reference, fisher, strengths)
        values[name] = loss(module.named_parameters())
    torch.testing.assert_close(values['all'], values['rgb'] + values['wifi'])
    values['rgb'].backward()
    assert module['rgb'].weight.grad.any() and module['wifi'].weight.grad is None


def test_reference_is_a_copy():
    module, loss = encoders(), WeightConstraintLoss()
    loss.set(dict(module.named_parameters()), fisher_of(module), 1.0)
    moved_from(module)
    assert loss(module.named_parameters()).item() > 0
    assert not loss.state_dict() and not list(loss.parameters())


def test_in_the_estimator():
    """It joins the losses of the model, by the names of the encoders."""
    model = tiny_multi_modal(constraint=dict(type='WeightConstraintLoss'))
    inputs, samples = tiny_batch()
    assert model.loss(inputs, samples)['loss_constraint'].item() == 0
    keys = set(model.state_dict())
    fisher, reference = fisher_of(model.encoders), moved_from(model.encoders)
    model.constraint.set(
        reference, fisher, dict.fromkeys(('rgb', 'lidar', 'mmwave', 'wifi'), 1.0)
    )
    with NoWaiting():
        losses = model.loss(inputs, samples)
    total, _ = model.parse_losses(losses)
    torch.testing.assert_close(total, losses['loss_pose'] + losses['loss_constraint'])
    assert losses['loss_constraint'].item() > 0
    assert set(model.state_dict()) == keys


def test_invalid():
    module, loss = encoders(), WeightConstraintLoss()
    reference, fisher = dict(module.named_parameters()), fisher_of(module)
    with pytest.raises(ValueError, match="group 'wifi', which has no strength"):
        loss.set(reference, fisher, {'rgb': 1.0})
    with pytest.raises(ValueError, match='must not be negative, got -1.0'):
        loss.set(reference, fisher, -1)
    with pytest.raises(ValueError, match=r"names or shapes: \['wifi.weight'\]"):
        loss.set(reference, fisher | {'wifi.weight': torch.ones(3)}, 1.0)
    loss.set(reference, fisher, 1.0)
    with pytest.raises(ValueError, match='may have changed'):
        loss(module['rgb'].named_parameters())
