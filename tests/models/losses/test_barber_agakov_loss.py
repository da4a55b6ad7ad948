import math

import pytest
import torch
from torch.testing import assert_close

from mmpose_ext.models.losses import BarberAgakovLoss
from mmpose_ext.models.losses.barber_agakov_loss import gaussian_nll, laplace_nll

SNR = 4.0
TRUTH = 0.5 * math.log(1 + SNR)  # nats of one channel: 0.805, of 2D: 1.609
ENTROPY = 0.5 * math.log(2 * math.pi * math.e * (1 + 1 / SNR))  # of the label


def loss_module(**options):
    settings = dict(loss_weight=1.0, num_joints=2, constant_joints=(0,))
    return BarberAgakovLoss(**{**settings, **options})


def toy(tokens=4096):
    """Support S and label Y = S + noise, (N, 1, 2, 3); joint 0 is the root, at 0.

    Variances are exactly 1 and 1 / SNR and all channels exactly uncorrelated, so the
    mean over the sample of a normal log-density is its expectation.
    """
    generator = torch.Generator().manual_seed(0)
    sample = torch.randn((tokens, 6), generator=generator, dtype=torch.float64)
    sample, _ = torch.linalg.qr(sample - sample.mean(0))
    sample *= tokens**0.5
    support = torch.zeros(tokens, 1, 2, 3)
    label = torch.zeros(tokens, 1, 2, 3)
    support[:, 0, 1] = sample[:, :3].float()
    label[:, 0, 1] = (sample[:, :3] + sample[:, 3:] * SNR**-0.5).float()
    return support, label


def batch(joints=3):
    generator = torch.Generator().manual_seed(0)
    pred, label = torch.randn((2, 4, 5, joints, 3), generator=generator)
    return pred, label


def test_closed_form():
    error = torch.linspace(-3, 3, 7)
    for log_scale in (torch.tensor(-1.5), torch.tensor(0.7)):
        normal = torch.distributions.Normal(0, log_scale.exp())
        assert_close(gaussian_nll(error, log_scale), -normal.log_prob(error))
        laplace = torch.distributions.Laplace(0, log_scale.exp())
        assert_close(laplace_nll(error, log_scale), -laplace.log_prob(error))


def test_values():
    pred, label = batch()
    module = loss_module(loss_weight=0.5, weight_2d=2.0, weight_d=3.0, num_joints=3)
    torch.nn.init.normal_(module.log_scale)
    error, scale = (label - pred)[:, :, 1:], module.log_scale.exp()[1:]
    nll_2d = gaussian_nll(error[..., :2], scale[:, :2].log()).sum(-1).mean()
    nll_d = laplace_nll(error[..., 2], scale[:, 2].log()).mean()
    loss = module(pred, label, None)['loss_mi']
    assert_close(loss, 0.5 * (2 * nll_2d + 3 * nll_d))
    assert_close(module(pred, label, torch.ones(4, 5, 3))['loss_mi'], loss)


def test_bound_at_the_true_posterior():
    support, label = toy()
    module = loss_module()
    module.log_scale.data.fill_(math.log(SNR**-0.5))
    found = module(support, label, None)
    assert found['mi_2d'].item() == pytest.approx(2 * TRUTH, abs=1e-3)
    # A Laplace density around normal noise: its best scale is the mean deviation.
    module.log_scale.data.fill_(math.log(SNR**-0.5 * (2 / math.pi) ** 0.5))
    found = module(support, label, None)
    assert found['mi_d'].item() == pytest.approx(TRUTH, abs=0.02)


def test_bound_never_exceeds_the_truth_and_gets_close():
    torch.manual_seed(0)
    support, label = toy()
    module, head = loss_module(), torch.nn.Linear(3, 3)
    parameters = [*module.parameters(), *head.parameters()]
    optimizer = torch.optim.Adam(parameters, lr=0.05)
    bounds = []
    for _ in range(120):
        optimizer.zero_grad()
        found = module(head(support), label, None)
        found['loss_mi'].backward()
        optimizer.step()
        nll = found['loss_mi'].item()
        bounds.append((found['mi_2d'].item(), 3 * ENTROPY - nll))
    estimates, totals = zip(*bounds, strict=True)
    assert max(estimates) <= 2 * TRUTH + 1e-3
    assert estimates[-1] > 2 * TRUTH - 0.02
    assert estimates[0] < TRUTH, 'it did not start there'
    # With the true entropy of the label the depth is a bound as well; the wrong family
    # (Laplace for normal noise) costs 0.048 nats.
    assert max(totals) <= 3 * TRUTH + 0.02
    assert totals[-1] > 3 * TRUTH - 0.1


def test_useless_support_carries_nothing():
    support, label = toy()
    module = loss_module()
    module.log_scale.data[:, :2] = 0.5 * math.log(1 + 1 / SNR)
    found = module(torch.zeros_like(support), label, None)
    assert found['mi_2d'].item() == pytest.approx(0, abs=1e-3)
    assert module(support.flip(0), label, None)['mi_2d'] < 0


def test_joints_share_no_statistics():
    """A support that only tells which joint it is carries nothing."""
    label = torch.zeros(64, 1, 3, 3)
    noise = torch.randn(64, 1, 2, 3)
    label[:, :, 1:] = torch.tensor([5.0, -5.0])[:, None] + 0.1 * noise
    module = loss_module(num_joints=3)
    centre = label.mean((0, 1)).expand_as(label)
    module.log_scale.data = label.std((0, 1), correction=0).clamp(min=1e-3).log()
    found = module(centre, label, None)
    assert found['mi_2d'].item() == pytest.approx(0, abs=1e-3)


def test_constant_joints_and_masked_tokens_do_not_count():
    pred, label = batch()
    module, weight = loss_module(num_joints=3).eval(), torch.ones(4, 5, 3)
    before = module(pred, label, weight)
    label[:, :, 0] += 100
    assert_close(module(pred, label, weight), before)
    weight[2, 3, 1] = 0
    before = module(pred, label, weight)
    label[2, 3, 1] = math.pi * 1e6
    assert_close(module(pred, label, weight), before)
    nothing = module(pred, label, torch.zeros(4, 5, 3))
    assert [value.item() for value in nothing.values()] == [0, 0, 0]


def test_invariant_to_a_joint_permutation_of_the_batch():
    pred, label = batch()
    order = torch.randperm(4)
    plain, permuted = loss_module(num_joints=3), loss_module(num_joints=3)
    found = permuted(pred[order], label[order], None)
    assert_close(found, plain(pred, label, None))
    assert_close(plain.state_dict(), permuted.state_dict())
    # Permuting the label alone breaks the pairs.
    alone = plain.eval()(pred, label[order], None)['loss_mi']
    assert not torch.allclose(alone, plain(pred, label, None)['loss_mi'])


@pytest.mark.parametrize(('raw', 'held'), [(50.0, 3.0), (-50.0, -6.0), (1.0, 1.0)])
def test_clamp_of_log_scale_with_an_outlier(raw, held):
    pred, label = batch()
    label[0, 0, 1] = 1e6
    module = loss_module(num_joints=3)
    module.log_scale.data.fill_(raw)
    found = module(pred, label, None)
    other = loss_module(num_joints=3, log_scale_range=(-100, 100))
    other.log_scale.data.fill_(held)
    assert_close(found, other(pred, label, None))
    found['loss_mi'].backward()
    assert module.log_scale.grad.isfinite().all()
    assert all(value.isfinite() for value in found.values())


@pytest.mark.parametrize(('start', 'error'), [(-6.5, 1.0), (3.5, 0.01)])
def test_scale_returns_from_beyond_its_range(start, error):
    label = torch.randn(50, 1, 2, 3)
    module = loss_module()
    module.log_scale.data.fill_(start)
    optimizer = torch.optim.Adam(module.parameters(), lr=0.1)
    for _ in range(30):
        optimizer.zero_grad()
        module(label + error, label, None)['loss_mi'].backward()
        optimizer.step()
    assert (module.log_scale[1] - start).abs().min() > 2


def test_statistics_of_unseen_joints_stay():
    pred, label = batch()
    module, weight = loss_module(num_joints=3, momentum=0.5), torch.ones(4, 5, 3)
    module(pred, label + 5, None)
    before = {name: value.clone() for name, value in module.state_dict().items()}
    weight[..., 1] = 0
    module(pred, label, weight)
    after = module.state_dict()
    for name in ('running_mean', 'running_var', 'running_abs'):
        assert torch.equal(after[name][1], before[name][1])
        assert not torch.equal(after[name][2], before[name][2])


def test_running_statistics():
    module = loss_module(momentum=0.1)
    label = torch.zeros(500, 1, 2, 3)
    label[:, :, 1] = torch.randn(500, 1, 3) * torch.tensor([1.0, 2, 3]) + 5
    module(label, label, None)
    values = label[:, 0, 1]
    assert_close(module.running_mean[1], values.mean(0))
    assert_close(module.running_var[1], values.var(0, correction=0))
    deviation = (values - values.mean(0))[:, 2].abs().mean()
    assert_close(module.running_abs[1], deviation)
    # The rate falls as 1 / n down to the momentum: a mean at first, then a decay.
    for step in range(2, 15):
        previous = module.running_mean[1].clone()
        module(label, label + 1, None)
        rate = max(1 / step, 0.1)
        new = previous + rate * (values.mean(0) + 1 - previous)
        assert_close(module.running_mean[1], new)
    state = module.state_dict()
    module.eval()(label, label + 100, None)
    assert_close(module.state_dict(), state)
    saved = {'log_scale', 'running_mean', 'running_var', 'running_abs', 'counts'}
    assert set(state) == saved, 'a resumed run logs what an uninterrupted one would'
    assert state['counts'] == 14


def test_gradient_reaches_the_prediction():
    pred, label = batch()
    pred.requires_grad_()
    module = loss_module(num_joints=3)
    module(pred, label, None)['loss_mi'].backward()
    assert not pred.grad[:, :, 0].any() and pred.grad[:, :, 1:].all()
    assert not module.log_scale.grad[0].any() and module.log_scale.grad[1:].all()
    pred.grad = None
    loss_module(num_joints=3, weight_2d=0)(pred, label, None)['loss_mi'].backward()
    assert not pred.grad[..., :2].any() and pred.grad[:, :, 1:, 2].all()
