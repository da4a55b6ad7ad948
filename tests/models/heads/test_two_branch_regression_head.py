import pytest
import torch
from mmpose.registry import MODELS
from torch.testing import assert_close

from mmpose_ext.models.heads import TwoBranchRegressionHead

LOSSES = dict(pose=dict(type='DecoupledPoseLoss'))


def head(**options):
    torch.manual_seed(0)
    return TwoBranchRegressionHead(8, **{'losses': LOSSES, 'hidden_dims': 6, **options})


def test_shapes():
    feats = torch.randn(2, 3, 17, 8)
    assert head()(feats).shape == (2, 3, 17, 3)
    assert head(hidden_dims=0, norm=True)((feats, feats, None)).shape == (2, 3, 17, 3)


@pytest.mark.parametrize('norm', [True, False])
def test_values(norm):
    module, feats = head(norm=norm), torch.randn(2, 3, 17, 8)
    inputs = torch.nn.functional.layer_norm(feats, (8,)) if norm else feats
    first, second = module.head_2d[-3], module.head_2d[-1]
    pred = module(feats)
    assert_close(pred[..., :2], second(torch.tanh(first(inputs))))
    first, second = module.head_d[-3], module.head_d[-1]
    assert_close(pred[..., 2:], second(torch.tanh(first(inputs))))
    # One regressor sees the first feature, the other the second.
    other = torch.randn(2, 3, 17, 8)
    assert torch.equal(module((feats, other))[..., :2], pred[..., :2])
    assert torch.equal(module((other, feats))[..., 2:], pred[..., 2:])


@pytest.mark.parametrize('kind', ['motionbert', 'mixste'])
def test_any_lifter_becomes_multi_task(kind, make_config, make_batch):
    config = make_config(kind)
    config['head'].update(type='TwoBranchRegressionHead', losses=LOSSES)
    model = MODELS.build(config)
    model.loss(*make_batch())['loss_pose'].backward()
    assert all(parameter.grad is not None for parameter in model.parameters())


def test_invalid():
    with pytest.raises(TypeError, match='losses'):
        TwoBranchRegressionHead(8)
    with pytest.raises(RuntimeError, match='shape'):
        head()(torch.randn(2, 3, 17, 7))
