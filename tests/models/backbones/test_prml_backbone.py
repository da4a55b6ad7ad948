import pytest
import torch
from mmengine.config import ConfigDict
from mmpose.registry import MODELS
from torch.testing import assert_close

from mmpose_ext.models.backbones import PrMLBackbone
from mmpose_ext.models.necks import TaskAwareDecoder

LATENTS = dict(name='latents', to='both', channels=4, resolution=(3, 5))
TINY = dict(embed_dims=8, num_heads=2, mlp_ratio=2, depth_2d=1, depth_d=1)


def backbone(seed=0, **options):
    torch.manual_seed(seed)
    return PrMLBackbone(**{**TINY, 'seq_len': 9, **options})


def full_model(*, embed_dims=128, seq_len=243, **options):
    """The paper's model on the meta device: nothing is allocated."""
    size = dict(embed_dims=embed_dims, seq_len=seq_len)
    with torch.device('meta'):
        return MODELS.build(
            ConfigDict(
                type='SequenceLifter',
                backbone=dict(type='PrMLBackbone', **size, **options),
                neck=dict(type='TaskAwareDecoder', **size),
                head=dict(
                    type='PrMLHead',
                    in_channels=embed_dims,
                    losses=dict(pose=dict(type='DecoupledPoseLoss')),
                    loss_mi=dict(type='BarberAgakovLoss'),
                ),
            )
        )


def count(model):
    """Parameters of the network; the scales of the loss are not part of it."""
    in_loss = sum(p.numel() for p in model.head.loss_mi.parameters())
    assert in_loss == 17 * 3
    return sum(p.numel() for p in model.parameters()) - in_loss


@pytest.mark.parametrize('frames', [1, 9, 27])
def test_shapes(frames):
    model = backbone(seq_len=frames)
    feature_2d, feature_d = model(torch.randn(2, frames, 17, 3))
    assert feature_2d.shape == feature_d.shape == (2, frames, 17, 8)
    assert not torch.allclose(feature_2d, feature_d, atol=1e-2)


def test_shorter_clip_and_other_joints():
    model = backbone(in_channels=2, num_joints=14)
    assert model(torch.randn(2, 4, 14, 2))[0].shape == (2, 4, 14, 8)
    with pytest.raises(ValueError, match='10 frames.*at most 9'):
        model(torch.randn(2, 10, 14, 2))


@pytest.mark.parametrize('order', ['ts', 'st', 't', 's'])
def test_orders(order):
    model = backbone(order=order, depth_2d=2)
    axes = [layer.axis[0] for layer in model.branch_2d[:-1]]
    assert (
        ''.join(axes) == {'ts': 'tsts', 'st': 'stst', 't': 'tttt', 's': 'ssss'}[order]
    )
    assert len(model.branch_d) == 3, 'one pair and the norm'
    # With one kind of layer only, and no bottom, tokens of the other axis stay apart.
    model = backbone(order=order, bottom_depth=0).double()
    x = torch.randn(1, 9, 17, 3, dtype=torch.float64)
    other = x.clone()
    other[0, 4, 5] += 1
    changed = (model(x)[0] != model(other)[0]).any(-1)[0]
    frames = torch.arange(9) == 4 if order == 's' else torch.ones(9, dtype=torch.bool)
    joints = torch.arange(17) == 5 if order == 't' else torch.ones(17, dtype=torch.bool)
    assert torch.equal(changed, frames[:, None] & joints)


@pytest.mark.parametrize('temporal', [True, False])
def test_permutation_of_frames(temporal):
    model = backbone(temporal_embedding=temporal).double()
    x = torch.randn(2, 9, 17, 3, dtype=torch.float64)
    order = torch.randperm(9)
    for plain, permuted in zip(model(x), model(x[:, order]), strict=True):
        difference = (plain[:, order] - permuted).abs().max()
        assert (difference > 1e-3) if temporal else (difference < 1e-12)


@pytest.mark.parametrize(('to', 'seen'), [('2d', 0), ('d', 1), ('both', None)])
def test_image_features(to, seen):
    model = backbone(image_features={**LATENTS, 'to': to}).double()
    assert model.feature_shapes == {'latents': (4, 3, 5)}
    x = torch.randn(2, 9, 17, 3, dtype=torch.float64)
    maps = torch.randn(2, 9, 4, 3, 5, dtype=torch.float64)
    other = maps.clone()
    other[1, 4] += 1
    before, after = model(x, latents=maps), model(x, latents=other)
    for task in (0, 1):
        assert before[task].shape == (2, 9, 17, 8)
        same = (before[task] == after[task]).flatten(1).all(-1)
        assert same.tolist() == [True, seen is not None and task != seen]


def test_joints_are_told_apart():
    model = backbone()
    feature_2d, feature_d = model(torch.ones(1, 9, 17, 3))
    assert (feature_2d[0, 0, 1:] - feature_2d[0, 0, :-1]).abs().amax(-1).min() > 1e-3
    assert (feature_d[0, 0, 1:] - feature_d[0, 0, :-1]).abs().amax(-1).min() > 1e-3


def test_depth_zero():
    model = backbone(depth_2d=0, depth_d=1)
    x = torch.randn(2, 9, 17, 3)
    shared = model.bottom(model.embedding(x))
    feature_2d, feature_d = model(x)
    assert_close(feature_2d, shared + model.embedding_2d)
    assert_close(feature_d, model.branch_d(shared + model.embedding_d))
    assert not list(model.branch_2d.parameters())
    assert_close(backbone(bottom_depth=0).bottom(x), x)


def test_branches_are_normalised_and_separate():
    model = backbone()
    feature_2d, _ = model(torch.randn(2, 9, 17, 3))
    assert_close(feature_2d.mean(-1), torch.zeros(2, 9, 17), atol=1e-5, rtol=0)
    own = {id(p) for p in model.branch_2d.parameters()}
    assert not own & {id(p) for p in model.branch_d.parameters()}


@pytest.mark.parametrize(
    'options',
    [
        {},
        dict(depth_2d=0),
        dict(depth_d=0),
        dict(order='t'),
        dict(order='parallel'),
        dict(qkv_bias=True, layer_scale_init=1e-5),
        dict(temporal_embedding=False),
        dict(bottom_depth=0, depth_d=2),
    ],
)
def test_all_parameters_receive_gradient(make_config, make_batch, options):
    """Through the whole model; so DDP needs no search for unused parameters."""
    config = make_config('prml')
    config['backbone'].update(options)
    torch.manual_seed(0)
    model = MODELS.build(config)
    losses = model.loss(*make_batch())
    sum(value for key, value in losses.items() if 'loss' in key).backward()
    silent = [
        name
        for name, parameter in model.named_parameters()
        if parameter.grad is None or not parameter.grad.any()
    ]
    assert not silent


@pytest.mark.parametrize(
    ('options', 'expected'),
    [
        (dict(), 13_039_626),
        (dict(temporal_embedding=False), 13_008_522),
        (dict(temporal_embedding=False, depth_2d=0), 13_008_522 - 5_145_344),
    ],
)
def test_parameter_counts(options, expected):
    assert count(full_model(**options)) == expected


@pytest.mark.parametrize(
    ('options', 'millions'), [(dict(seq_len=81), 12.30), (dict(embed_dims=64), 3.64)]
)
def test_parameter_counts_of_other_sizes(options, millions):
    model = full_model(temporal_embedding=False, **options)
    assert round(count(model) / 1e6, 2) == millions


def test_checkpoint_of_other_length(warned):
    long, short = backbone(seq_len=9), backbone(seed=1, seq_len=3)
    short.load_state_dict(long.state_dict())
    x = torch.randn(1, 3, 17, 3)
    assert_close(short(x), long(x))
    assert warned == ['embedding.frames: checkpoint of T=9 sliced to T=3']
    neck = TaskAwareDecoder(8, seq_len=3, num_heads=2)
    assert neck(short(x)).pose_2d.shape == (1, 3, 17, 8)


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(order='tss'), "order must be one of .* got 'tss'"),
        (dict(depth_2d=-1), 'depth_2d=-1'),
        (dict(depth_d=-1), 'depth_d=-1'),
        (dict(bottom_depth=-2), 'bottom_depth=-2'),
        (dict(num_heads=3), 'num_heads=3 does not divide embed_dims=8'),
        (dict(image_features={**LATENTS, 'to': 'all'}), "to must be .* got 'all'"),
    ],
)
def test_invalid(options, message):
    with pytest.raises(ValueError, match=message):
        backbone(**options)
