import pytest
import torch
from mmpose.registry import MODELS
from torch.nn.functional import layer_norm
from torch.testing import assert_close

from mmpose_ext.models.backbones import MixSTE


def backbone(seed=0, **options):
    torch.manual_seed(seed)
    return MixSTE(
        2, 8, **{'seq_len': 9, 'depth': 2, 'num_heads': 2, 'mlp_ratio': 2, **options}
    )


@pytest.mark.parametrize('frames', [1, 9, 27])
def test_shapes(frames):
    model = backbone(seq_len=frames)
    assert model(torch.randn(2, frames, 17, 2)).shape == (2, frames, 17, 8)
    assert model.causal is False


def test_values():
    """With silent layers only embeddings and shared norms are left."""
    model = backbone(depth=2).eval()
    for layer in (*model.spatial_layers, *model.temporal_layers):
        for linear in (layer.attn.proj, layer.mlp.fc2):
            torch.nn.init.zeros_(linear.weight), torch.nn.init.zeros_(linear.bias)
    torch.nn.init.normal_(model.frames)
    for norm in (model.spatial_norm, model.temporal_norm):
        torch.nn.init.normal_(norm.weight), torch.nn.init.normal_(norm.bias)

    def norm(x, module):
        return layer_norm(x, (8,), module.weight, module.bias, 1e-6)

    x = torch.randn(1, 9, 17, 2)
    first = norm(model.embedding(x), model.spatial_norm) + model.frames
    expected = norm(first, model.temporal_norm)
    expected = norm(norm(expected, model.spatial_norm), model.temporal_norm)
    assert_close(model(x), expected, atol=1e-5, rtol=1e-5)


def test_axes_alternate():
    model = backbone(depth=1).double().eval()
    assert {layer.axis for layer in model.spatial_layers} == {'spatial'}
    assert {layer.axis for layer in model.temporal_layers} == {'temporal'}
    x = torch.randn(1, 9, 17, 2, dtype=torch.float64)
    model.temporal_layers = torch.nn.ModuleList([torch.nn.Identity()])
    other = x.clone()
    other[0, 4, 5] += 1
    changed = (model(x) != model(other)).any(-1)[0]
    assert changed[4].all() and changed.sum() == 17


def test_temporal_embedding_breaks_the_symmetry():
    model, x = backbone().double().eval(), torch.randn(1, 9, 17, 2).double()
    order = torch.randperm(9)
    # It starts at zero, as in the public code.
    assert_close(model(x[:, order]), model(x)[:, order])
    torch.nn.init.normal_(model.frames)
    assert not torch.allclose(model(x[:, order]), model(x)[:, order], atol=1e-3)


def test_drop_path_rises_linearly():
    model = backbone(depth=3, drop_path_rate=0.2)
    for layers in (model.spatial_layers, model.temporal_layers):
        rates = [getattr(layer.drop_path, 'drop_prob', 0.0) for layer in layers]
        assert rates == pytest.approx([0, 0.1, 0.2])
    x = torch.randn(2, 9, 17, 2)
    model.train()
    assert not torch.equal(model(x), model(x))
    model.eval()
    assert torch.equal(model(x), model(x))
    assert torch.equal(*(backbone(drop_path_rate=0.0).train()(x) for _ in range(2)))


def test_all_parameters_receive_gradient(make_lifter, make_batch):
    model = make_lifter('mixste').eval()
    model.loss(*make_batch())['loss_pose'].backward()
    assert all(p.grad is not None and p.grad.any() for p in model.parameters())


def test_parameter_count():
    with torch.device('meta'):
        model = MODELS.build(
            dict(
                type='SequenceLifter',
                backbone=dict(type='MixSTE'),
                head=dict(
                    type='PoseRegressionHead', in_channels=512, norm=True, losses=dict()
                ),
            )
        )
    assert sum(p.numel() for p in model.parameters()) == 33_783_811


def test_checkpoint_of_other_length(warned):
    short, long = backbone(seq_len=3), backbone(seq_len=5)
    torch.nn.init.normal_(short.frames)
    long.load_state_dict(short.state_dict())
    assert_close(long.frames[:, ::2], short.frames)
    assert warned == ['frames: checkpoint of T=3 interpolated to T=5']


def test_invalid():
    with pytest.raises(ValueError, match='num_heads=3 does not divide'):
        backbone(num_heads=3)
    with pytest.raises(ValueError, match='10 frames.*at most 9'):
        backbone()(torch.zeros(1, 10, 17, 2))
    with pytest.raises(ValueError, match=r'\(B, T, 17, 2\), got \(1, 9, 17, 3\)'):
        backbone()(torch.zeros(1, 9, 17, 3))
