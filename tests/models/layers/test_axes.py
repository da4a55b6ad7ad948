import pytest
import torch

from mmpose_ext.models.layers import fold, unfold
from mmpose_ext.models.layers.axes import checked_axis

SHAPES = {'temporal': (10, 3, 4), 'spatial': (6, 5, 4), 'joint': (2, 15, 4)}
X = torch.arange(2 * 3 * 5 * 4).reshape(2, 3, 5, 4)


@pytest.mark.parametrize('axis', SHAPES)
def test_shapes(axis):
    folded = fold(X, axis)
    assert folded.shape == SHAPES[axis]
    assert torch.equal(unfold(folded, axis, 3, 5), X)


def test_values():
    for b in range(2):
        for t in range(3):
            for k in range(5):
                token = X[b, t, k]
                assert torch.equal(fold(X, 'temporal')[5 * b + k, t], token)
                assert torch.equal(fold(X, 'spatial')[3 * b + t, k], token)
                assert torch.equal(fold(X, 'joint')[b, 5 * t + k], token)


def test_invalid():
    with pytest.raises(ValueError, match="'temporal', 'spatial', 'joint'.*'time'"):
        checked_axis('time')
    assert [checked_axis(axis) for axis in SHAPES] == list(SHAPES)
