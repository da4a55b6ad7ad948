"""Weights of losses by how they generalise."""

import torch

from mmpose_ext.models.loss_blending import blending_weights


def test_values():
    train = torch.tensor([[1.0, 1.0, 1.0], [0.5, 0.4, 0.9]])
    held_out = torch.tensor([[1.1, 1.2, 1.0], [0.7, 0.8, 1.1]])
    gain, overfitting = [0.4, 0.4], [0.2 - 0.1, 0.4 - 0.2]
    raw = [g / o**2 for g, o in zip(gain, overfitting, strict=True)]
    expected = torch.tensor([*raw, 0.0]) / sum(raw)
    torch.testing.assert_close(blending_weights(train, held_out), expected)


def test_sign_of_overfitting_does_not_count():
    train = torch.tensor([[1.0, 1.0], [0.8, 0.9]])
    held_out = torch.tensor([[1.0, 1.0], [0.9, 0.8]])
    raw = torch.tensor([0.1 / 0.01, 0.2 / 0.01])
    torch.testing.assert_close(blending_weights(train, held_out), raw / raw.sum())


def test_degenerate():
    before = torch.tensor([1.0, 1.0])
    no_gap = torch.stack([before, torch.tensor([0.8, 0.6])])
    found = blending_weights(no_gap, no_gap)
    torch.testing.assert_close(found, torch.tensor([1, 2]) / 3)
    worse = torch.stack([before, torch.tensor([1.1, 1.2])])
    assert blending_weights(worse, worse).tolist() == [0.5, 0.5]
    nan = torch.stack([before, torch.tensor([torch.nan, 0.5])])
    assert blending_weights(nan, nan).tolist() == [0.5, 0.5]


def test_small_overfitting_is_noise():
    train = torch.tensor([[1.0, 1.0], [0.8, 0.8]])
    held_out = train + torch.tensor([[0.0, 0.0], [1e-7, 1e-4]])
    found = blending_weights(train, held_out, min_overfitting=1e-3)
    torch.testing.assert_close(found, torch.tensor([0.5, 0.5]), atol=1e-3, rtol=0)
