import pytest
import torch
from torch.testing import assert_close

from mmpose_ext.models.necks import TaskAwareDecoder

AXES = ('temporal', 'spatial', 'joint')


def decoder(seed=0, **options):
    torch.manual_seed(seed)
    size = dict(seq_len=9, num_joints=5, num_heads=2, mlp_ratio=2)
    return TaskAwareDecoder(8, **{**size, **options})


def features(frames=9, **options):
    return torch.randn(2, frames, 5, 8, **options), torch.randn(
        2, frames, 5, 8, **options
    )


@pytest.mark.parametrize('frames', [1, 4, 9])
@pytest.mark.parametrize('axis', AXES)
def test_shapes(frames, axis):
    out = decoder(axis=axis)(features(frames))
    assert out.pose_2d.shape == out.depth.shape == (2, frames, 5, 8)
    assert out.support_2d.shape == out.support_d.shape == (2, frames, 5, 16)


def test_support_features():
    neck, (pose_2d, depth) = decoder(), features(4)
    out = neck((pose_2d, depth))
    # Eq. 2 starts as the average of both tasks; then come the biases of each frame.
    for support, bias in ((out.support_2d, neck.bias_2d), (out.support_d, neck.bias_d)):
        assert torch.equal(support[..., :8], 0.5 * pose_2d + 0.5 * depth)
        assert torch.equal(support[..., 8:], bias[:, :4].expand(2, -1, -1, -1))
    assert not torch.equal(neck.bias_2d, neck.bias_d)
    assert_close(out.pose_2d, neck.cross_2d(pose_2d, out.support_2d))
    assert_close(out.depth, neck.cross_d(depth, out.support_d))


def test_start_of_biases():
    assert decoder().bias_2d.std().item() == pytest.approx(0.02, rel=0.2)
    assert decoder(bias_std=1.0).bias_d.std().item() == pytest.approx(1, rel=0.2)
    assert not decoder(bias_std=0.0).bias_d.any()


@pytest.mark.parametrize('bias_tasks', [(), ('2d',), ('d',), ('2d', 'd')])
@pytest.mark.parametrize('support', ['coarse', 'mean', 'concat', 'other'])
def test_supports(support, bias_tasks):
    neck, (pose_2d, depth) = decoder(support=support, bias_tasks=bias_tasks), features()
    out = neck((pose_2d, depth))
    mean, both = (pose_2d + depth) / 2, torch.cat([pose_2d, depth], -1)
    shared = dict(coarse=(mean, mean), mean=(mean, mean), concat=(both, both))
    shared['other'] = (depth, pose_2d)
    for task, found, expected, bias in (
        ('2d', out.support_2d, shared[support][0], neck.bias_2d),
        ('d', out.support_d, shared[support][1], neck.bias_d),
    ):
        if task in bias_tasks:
            expected = torch.cat([expected, bias.expand(2, -1, -1, -1)], -1)
        else:
            assert bias is None
        assert_close(found, expected)
    assert out.pose_2d.shape == out.depth.shape == (2, 9, 5, 8)
    assert (neck.alignment is None) == (support != 'coarse')


def test_fixed_biases():
    neck = decoder(bias_learnable=False)
    assert neck.bias_2d.any() and not neck.bias_2d.requires_grad
    assert 'bias_2d' in neck.state_dict(), 'what was drawn is kept'


def test_distribution_of_biases():
    wide = dict(seq_len=2000, bias_std=0.5)
    neck = decoder(bias_init=('laplace', 'gaussian'), **wide)
    for bias in (neck.bias_2d, neck.bias_d):
        assert bias.std().item() == pytest.approx(0.5, rel=0.02)
        assert bias.mean().item() == pytest.approx(0, abs=0.01)
    # E|x| is std / sqrt(2) for Laplace and std * sqrt(2 / pi) for a normal.
    assert neck.bias_2d.abs().mean().item() == pytest.approx(0.3536, rel=0.02)
    assert neck.bias_d.abs().mean().item() == pytest.approx(0.3989, rel=0.02)
    both = decoder(bias_init='laplace', **wide)
    assert both.bias_d.abs().mean().item() == pytest.approx(0.3536, rel=0.02)


def test_tasks_complement_each_other():
    neck, feats = decoder(), features(requires_grad=True)
    out = neck(feats)
    pose_2d, depth = feats
    assert torch.autograd.grad(out.pose_2d.sum(), depth, retain_graph=True)[0].any()
    assert torch.autograd.grad(out.depth.sum(), pose_2d, retain_graph=True)[0].any()
    (bias,) = torch.autograd.grad(out.pose_2d.square().sum(), neck.bias_2d)
    assert bias.flatten(2).any(-1).all(), 'each frame of the bias is used'


@pytest.mark.parametrize('axis', AXES)
def test_what_attends_to_what(axis):
    neck, (pose_2d, depth) = decoder(axis=axis).double(), features(dtype=torch.float64)
    other = depth.clone()
    other[0, 4, 2] += torch.randn(8)
    before, after = neck((pose_2d, depth)), neck((pose_2d, other))
    changed = (before.pose_2d != after.pose_2d).any(-1)
    expected = torch.zeros(2, 9, 5, dtype=torch.bool)
    here = {'temporal': (0, slice(None), 2), 'spatial': (0, 4), 'joint': (0,)}[axis]
    expected[here] = True
    assert torch.equal(changed, expected)


@pytest.mark.parametrize('axis', AXES)
def test_biases_carry_the_order_of_frames(axis):
    neck, feats = decoder(axis=axis).double(), features(dtype=torch.float64)
    order = torch.randperm(9)

    def difference():
        permuted = neck(tuple(f[:, order] for f in feats)).pose_2d
        return (neck(feats).pose_2d[:, order] - permuted).abs().max()

    assert difference() > 1e-6
    torch.nn.init.zeros_(neck.bias_2d)
    assert difference() < 1e-12


@pytest.mark.parametrize(('old', 'word'), [(9, 'sliced'), (3, 'interpolated')])
def test_checkpoint_of_other_length(old, word, warned):
    source, neck = decoder(seq_len=old), decoder(seed=1, seq_len=5)
    neck.load_state_dict(source.state_dict())
    steps = torch.arange(5) if old == 9 else torch.tensor([0, 0, 1, 1, 2])
    assert_close(neck.bias_2d[:, ::2], source.bias_2d[:, steps[::2]])
    assert_close(neck.bias_d[:, ::2], source.bias_d[:, steps[::2]])
    assert warned == [
        f'{name}: checkpoint of T={old} {word} to T=5' for name in ('bias_2d', 'bias_d')
    ]


def test_invalid():
    with pytest.raises(ValueError, match='10 frames.*at most 9'):
        decoder()(features(10))
    with pytest.raises(ValueError, match="axis must be .* got 'time'"):
        decoder(axis='time')
    for option, value in (
        ('support', 'fine'),
        ('bias_tasks', ('2d', '3d')),
        ('bias_init', ('gaussian', 'uniform')),
    ):
        with pytest.raises(ValueError, match=f'{option} must be one of'):
            decoder(**{option: value})
    with pytest.raises(ValueError, match='num_heads=3 does not divide'):
        decoder(num_heads=3)
