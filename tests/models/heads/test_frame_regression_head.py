import pytest
import torch
from torch.testing import assert_close

from mmpose_ext.models.heads import FrameRegressionHead


def head(**options):
    torch.manual_seed(0)
    return FrameRegressionHead(8, **{'losses': {}, **options})


def test_shapes():
    assert head()(torch.randn(2, 4, 8)).shape == (2, 4, 17, 3)
    assert head(num_joints=5)(torch.randn(2, 4, 8)).shape == (2, 4, 5, 3)


def test_values():
    """Rows of the layer are joints, and x, y, z within a joint."""
    model, x = head(), torch.randn(2, 4, 8)
    found = model(x)
    for joint in (0, 16):
        for axis in range(3):
            row = 3 * joint + axis
            weight, bias = model.regression.weight[row], model.regression.bias[row]
            assert_close(found[..., joint, axis], x @ weight + bias)
    assert sum(p.numel() for p in model.parameters()) == 8 * 51 + 51


def test_losses():
    model = head(losses=dict(pose=dict(type='JointErrorLoss')))
    x, label = torch.randn(1, 4, 8), torch.randn(1, 4, 17, 3)
    losses = model.loss_by_labels(x, label, torch.ones(1, 4, 17))
    expected = (model(x) - label).norm(dim=-1).mean()
    assert_close(losses['loss_pose'], expected)


def test_invalid():
    with pytest.raises(RuntimeError, match='set `decoder`'):
        head().predict(torch.randn(1, 4, 8), [])
