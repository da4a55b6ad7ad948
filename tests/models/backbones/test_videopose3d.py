import pytest
import torch
from mmpose.models.backbones import TCN
from mmpose.registry import MODELS
from torch.nn.functional import pad
from torch.testing import assert_close

from mmpose_ext.geometry import FLIP_INDICES
from mmpose_ext.models.backbones import VideoPose3D
from mmpose_ext.models.estimators import flip_poses


def settle(model, seed=0):
    """Draw the statistics of all batch norms, so that none is an identity."""
    generator = torch.Generator().manual_seed(seed)
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm1d):
            module.running_mean.normal_(0, 0.2, generator=generator)
            module.running_var.uniform_(0.5, 2, generator=generator)
            module.weight.data.uniform_(0.5, 2, generator=generator)
            module.bias.data.normal_(0, 0.5, generator=generator)
    return model


def backbone(in_channels=2, embed_dims=16, **options):
    torch.manual_seed(0)
    return settle(VideoPose3D(in_channels, embed_dims, **options))


def lifter(**options):
    torch.manual_seed(0)
    return MODELS.build(
        dict(
            type='SequenceLifter',
            backbone=dict(type='VideoPose3D', in_channels=2, embed_dims=16),
            head=dict(
                type='FrameRegressionHead',
                in_channels=16,
                losses=dict(pose=dict(type='JointErrorLoss')),
                decoder=dict(type='LiftingLabel', target='camera'),
            ),
            **options,
        )
    )


@pytest.mark.parametrize('frames', [1, 2, 9, 27, 40])
def test_shapes(frames):
    model = backbone()
    assert model(torch.randn(2, frames, 17, 2)).shape == (2, frames, 16)
    assert model.receptive_field == 27 and model.causal is False
    wide = backbone(3, num_joints=5, kernel_sizes=(3, 5))
    assert wide(torch.randn(2, frames, 5, 3)).shape == (2, frames, 16)
    assert wide.receptive_field == 15


def test_values():
    """Each frame gets what the one-frame network gives for its 27 neighbours."""
    model = backbone().double().eval()
    network = TCN(34, 16, use_stride_conv=True).double()
    network.eval()
    network.load_state_dict(model.tcn.state_dict())
    x = torch.randn(2, 40, 17, 2).double()
    found = model(x)
    flat = x.flatten(2).transpose(1, 2)
    for frame in range(13, 27):
        window = flat[..., frame - 13 : frame + 14]
        assert window.shape[-1] == 27
        assert_close(found[:, frame], network(window)[-1][..., 0])
    ends = pad(flat, (13, 13), mode='replicate')
    for frame in (0, 5, 12, 27, 39):
        window = ends[..., frame : frame + 27]
        assert_close(found[:, frame], network(window)[-1][..., 0])


def test_receptive_field():
    model, x = backbone().double().eval(), torch.randn(1, 60, 17, 2).double()
    other = x.clone()
    other[:, 30, 4, 1] += 1
    changed = (model(x) != model(other)).any(-1)[0]
    assert changed.nonzero().flatten().tolist() == list(range(17, 44))


def test_parameter_count():
    with torch.device('meta'):
        model = MODELS.build(
            dict(
                type='SequenceLifter',
                backbone=dict(type='VideoPose3D'),
                head=dict(type='FrameRegressionHead', in_channels=1024, losses={}),
            )
        )
    expand = 17 * 2 * 1024 * 3
    blocks = 2 * (1024 * 1024 * 3 + 1024 * 1024)
    norms = 5 * 2 * 1024
    shrink = 1024 * 51 + 51
    numbers = sum(p.numel() for p in model.parameters())
    assert numbers == expand + blocks + norms + shrink == 8_555_571
    assert model.backbone.tcn.dropout.p == 0.25


def test_dropout():
    x = torch.randn(2, 9, 17, 2)
    model = backbone()
    assert not torch.equal(model(x), model(x))
    model.eval()
    assert torch.equal(model(x), model(x))
    still = backbone(dropout=0.0)
    assert torch.equal(still(x), still(x))


def test_flip(make_batch):
    """The flip test is one pass and commutes with mirroring the input."""
    model = settle(lifter(test_cfg=dict(flip_test=True))).eval()
    inputs, samples = make_batch(2, 5)
    x = inputs[..., :2]
    with torch.no_grad():
        found = model.predict_coordinates(x, samples)
        mirrored = model.predict_coordinates(flip_poses(x, FLIP_INDICES), samples)
        one = model._forward(x)
        two = flip_poses(model._forward(flip_poses(x, FLIP_INDICES)), FLIP_INDICES)
    assert_close(found, (one + two) / 2)
    assert_close(mirrored, flip_poses(found, FLIP_INDICES))
    assert (one - two).abs().max() > 0.01
    predicted = model.predict(x, samples)
    assert predicted[0].pred_instances.keypoints.shape == (5, 17, 3)


def test_all_parameters_receive_gradient(make_batch):
    inputs, samples = make_batch(4, 9)
    model = lifter().train()
    model.loss(inputs[..., :2], samples)['loss_pose'].backward()
    assert all(p.grad is not None and p.grad.any() for p in model.parameters())


def test_invalid():
    for sizes in ((3,), (3, 4)):
        with pytest.raises(ValueError, match=r'two odd numbers.*got \(3'):
            backbone(kernel_sizes=sizes)
    with pytest.raises(ValueError, match=r'\(B, T, 17, 2\), got \(1, 9, 17, 3\)'):
        backbone()(torch.zeros(1, 9, 17, 3))
    with pytest.raises(ValueError, match=r'got \(9, 34\)'):
        backbone()(torch.zeros(9, 34))
