"""The Fisher diagonal against its closed form."""

import warnings

import pytest
import torch
from torch import nn

from mmpose_ext.evaluation.functional import diagonal_fisher, fisher
from mmpose_ext.evaluation.functional.fisher import default_chunk_size
from tests.fixtures.tiny_multi_modal import tiny_batch, tiny_multi_modal


def squared_errors(model, batch):
    return (model(batch['x'])[:, 0] - batch['y']).square() / 2


@pytest.fixture
def regression():
    """A linear model, its data, and the gradients (y_hat - y) (x, 1) of its samples."""
    torch.manual_seed(0)
    model, x, y = nn.Linear(3, 1), torch.randn(10, 3), torch.randn(10)
    residual = (model(x)[:, 0] - y).detach()
    return model, {'x': x, 'y': y}, residual[:, None] * x, residual


def split(batch, sizes):
    parts = {name: value.split(sizes) for name, value in batch.items()}
    return [
        dict(zip(parts, row, strict=True)) for row in zip(*parts.values(), strict=True)
    ]


@pytest.mark.parametrize('sizes', [[10], [4, 4, 2], [1] * 10])
@pytest.mark.parametrize('chunk_size', [None, 3])
def test_closed_form(regression, sizes, chunk_size):
    model, data, of_weight, of_bias = regression
    found = diagonal_fisher(
        model, squared_errors, split(data, sizes), chunk_size=chunk_size
    )
    torch.testing.assert_close(found['weight'][0], of_weight.square().mean(0))
    torch.testing.assert_close(found['bias'][0], of_bias.square().mean())


def test_batch_estimator(regression):
    """Gradients of a batch's mean loss, squared, each batch by its size."""
    model, data, of_weight, _ = regression
    batches = split(data, [4, 4, 2])
    found = diagonal_fisher(model, squared_errors, batches, estimator='batch')
    means = [part.mean(0).square() for part in of_weight.split([4, 4, 2])]
    expected = 0.4 * means[0] + 0.4 * means[1] + 0.2 * means[2]
    torch.testing.assert_close(found['weight'][0], expected)
    # With one sample a batch it is the definition.
    single = diagonal_fisher(
        model, squared_errors, split(data, [1] * 10), estimator='batch'
    )
    torch.testing.assert_close(single['weight'][0], of_weight.square().mean(0))


def test_unit():
    """A loss in millimetres has a million times the information."""
    model, data = nn.Linear(3, 1), {'x': torch.randn(5, 3), 'y': torch.randn(5)}
    metres = diagonal_fisher(model, squared_errors, [data])
    millimetres = diagonal_fisher(
        model, lambda model, batch: 1000 * squared_errors(model, batch), [data]
    )
    torch.testing.assert_close(millimetres['weight'], 1e6 * metres['weight'])


def pose_losses(model, batch):
    return model.sample_losses(batch['inputs'], {'pose': batch['pose']})


def test_estimator_of_poses():
    """Together or one by one, from nested inputs, for the encoders only."""
    model = tiny_multi_modal().eval()
    inputs, samples = tiny_batch()
    batch = {'inputs': inputs, 'pose': samples['pose']}
    names = [f'encoders.{n}' for n, _ in model.encoders.named_parameters()]
    model.encoders['rgb'].requires_grad_(False)  # Frozen weights count, too.
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        found = diagonal_fisher(model, pose_losses, [batch], names=names)
    assert list(found) == names and all(value.any() for value in found.values())
    assert not any(value.requires_grad for value in found.values())
    model.requires_grad_(True)
    for name, value in found.items():
        squares = []
        for loss in model.sample_losses(inputs, samples):
            parameter = model.get_parameter(name)
            (gradient,) = torch.autograd.grad(loss, parameter, retain_graph=True)
            squares.append(gradient.square())
        torch.testing.assert_close(value, torch.stack(squares).mean(0))
    assert all(p.grad is None for p in model.parameters())


class ReadsItsInput(nn.Linear):
    """Has a branch, which vmap cannot take."""

    def forward(self, x):
        return super().forward(x) if x.sum().item() < 1e9 else x


def test_fall_back(regression):
    model, data, of_weight, _ = regression
    branching = ReadsItsInput(3, 1)
    branching.load_state_dict(model.state_dict())
    with pytest.warns(UserWarning, match='ReadsItsInput: .* one by one') as caught:
        found = diagonal_fisher(branching, squared_errors, split(data, [6, 4]))
    assert len(caught) == 1, 'once, not for each batch'
    torch.testing.assert_close(found['weight'][0], of_weight.square().mean(0))


def test_leaves_the_model_alone():
    """Batch norm, mode, gradients and weights are as before."""
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 1)).eval()
    model[0].weight.grad = torch.ones(4, 3)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    data = {'x': torch.randn(6, 3), 'y': torch.randn(6)}
    together = diagonal_fisher(model, squared_errors, [data])
    batches = split(data, [1] * 6)
    alone = diagonal_fisher(model, squared_errors, batches, estimator='batch')
    torch.testing.assert_close(together, alone)
    torch.testing.assert_close(dict(model.state_dict()), before)
    assert not model.training and not model[1].training
    assert torch.equal(model[0].weight.grad, torch.ones(4, 3))


def test_half_precision_is_summed_in_single(regression):
    model, data, of_weight, _ = regression
    half = {name: value.bfloat16() for name, value in data.items()}
    found = diagonal_fisher(model.bfloat16(), squared_errors, [half])
    assert found['weight'].dtype == torch.float32
    torch.testing.assert_close(
        found['weight'][0], of_weight.square().mean(0), rtol=0.1, atol=0.05
    )


def test_chunks():
    assert default_chunk_size([torch.empty(10)]) == 64
    assert default_chunk_size([torch.empty(2**22, device='meta')] * 2) == 8
    assert default_chunk_size([torch.empty(2**28, device='meta')]) == 1


def test_no_more_gradients_than_a_chunk(regression, monkeypatch):
    model, data, _, _ = regression
    sizes, by_vmap = [], fisher._Gradients._by_vmap

    def spy(self, batch):
        sizes.append(len(batch['x']))
        return by_vmap(self, batch)

    monkeypatch.setattr(fisher._Gradients, '_by_vmap', spy)
    diagonal_fisher(model, squared_errors, split(data, [7, 3]), chunk_size=3)
    assert sizes == [3, 3, 1, 3]
    sizes.clear()
    # Four weights: 8 numbers hold the gradients of two samples.
    monkeypatch.setattr(fisher, '_MEMORY', 8)
    diagonal_fisher(model, squared_errors, [data])
    assert sizes == [2] * 5


def test_invalid(regression):
    model, data, _, _ = regression
    with pytest.raises(ValueError, match="estimator='mean'"):
        diagonal_fisher(model, squared_errors, [data], estimator='mean')
    with pytest.raises(ValueError, match='chunk_size must be positive'):
        diagonal_fisher(model, squared_errors, [data], chunk_size=0)
    with pytest.raises(ValueError, match='at least one sample'):
        diagonal_fisher(model, squared_errors, [])
    with pytest.raises(ValueError, match=r"no parameters \['head.weight'\]"):
        diagonal_fisher(model, squared_errors, [data], names=['head.weight'])
    with pytest.raises(ValueError, match=r'same number of samples, got \[9, 10\]'):
        diagonal_fisher(model, squared_errors, [data | {'y': data['y'][:9]}])
    with pytest.raises(ValueError, match=r'the losses of 10 samples'):
        diagonal_fisher(
            model,
            lambda model, batch: squared_errors(model, batch).mean(),
            [data],
            estimator='batch',
        )
