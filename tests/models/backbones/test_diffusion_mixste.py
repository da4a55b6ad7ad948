import math

import pytest
import torch
from mmpose.registry import MODELS
from torch.testing import assert_close

from mmpose_ext.models.backbones import DiffusionMixSTE, MixSTE
from mmpose_ext.models.checkpoint_maps import CHECKPOINT_MAPS

SIZES = dict(seq_len=9, depth=2, num_heads=2)


def backbone(seed=0, **options):
    torch.manual_seed(seed)
    return DiffusionMixSTE(embed_dims=8, **{**SIZES, **options})


def count(module):
    return sum(p.numel() for p in module.parameters())


@pytest.mark.parametrize('frames', [1, 9])
def test_shapes(frames):
    x, steps = torch.randn(3, frames, 17, 5), torch.tensor([0, 500, 999])
    assert backbone(seq_len=frames)(x, steps).shape == (3, frames, 17, 8)


def test_values():
    """The time step joins the tokens; apart from that it is MixSTE."""
    model = backbone().double().eval()
    plain = MixSTE(5, 8, **SIZES).double().eval()
    for embedding in (model.embedding.joints, model.frames):
        torch.nn.init.normal_(embedding)
    state = model.state_dict()
    plain.load_state_dict({k: state[k] for k in plain.state_dict()})
    x, steps = torch.randn(3, 9, 17, 5).double(), torch.tensor([0, 500, 999])
    vectors = model.time_embedding(steps)
    for window, step, vector, found in zip(
        x, steps, vectors, model(x, steps), strict=True
    ):
        assert_close(model(window[None], step[None])[0], found)
        # A vector on all tokens is a change of the bias of their linear layer.
        with torch.no_grad():
            plain.embedding.proj.bias.copy_(model.embedding.proj.bias + vector)
        assert_close(plain(window[None])[0], found)
    torch.nn.init.zeros_(model.time_embedding.fc2.weight)
    torch.nn.init.zeros_(model.time_embedding.fc2.bias)
    assert torch.equal(model(x, steps), model(x, steps.flip(0)))


def test_depends_on_the_time_step():
    model, x = backbone().eval(), torch.randn(1, 9, 17, 5)
    first, second = (model(x, torch.tensor([step])) for step in (998, 999))
    assert not torch.equal(first, second)


def test_starts_as_in_pytorch():
    """Zero position embeddings; uniform weights and biases of width 1/sqrt(inputs)."""
    torch.manual_seed(0)
    model = DiffusionMixSTE(embed_dims=64, seq_len=9, depth=2)
    model.init_weights()
    assert not model.embedding.joints.any() and not model.frames.any()
    for name, layer in model.named_modules():
        if isinstance(layer, torch.nn.LayerNorm):
            assert (layer.weight == 1).all() and not layer.bias.any(), name
        if not isinstance(layer, torch.nn.Linear):
            continue
        bound = 1 / math.sqrt(layer.in_features)
        assert layer.bias.abs().max() <= bound and layer.bias.any(), name
        assert 0.95 * bound < layer.weight.abs().max() <= bound, name
        expected = pytest.approx(bound / math.sqrt(3), rel=0.1)
        assert layer.weight.std().item() == expected, name


def test_names():
    """Those of MixSTE and two layers more, so that its checkpoints have a place."""
    plain = MixSTE(5, 8, **SIZES).state_dict()
    layers = {
        f'time_embedding.{layer}.{kind}'
        for layer in ('fc1', 'fc2')
        for kind in ('weight', 'bias')
    }
    assert set(backbone().state_dict()) == set(plain) | layers
    names = [ours for ours, _ in CHECKPOINT_MAPS['mixste'].names(2).values()]
    ours = {n.removeprefix('backbone.') for n in names if n.startswith('backbone.')}
    assert set(plain) == ours


@pytest.mark.parametrize(
    ('frames', 'parameters'), [(243, 34_835_459), (81, 34_752_515), (27, 34_724_867)]
)
def test_parameter_count(frames, parameters):
    with torch.device('meta'):
        model = DiffusionMixSTE(seq_len=frames)
        plain = MixSTE(seq_len=frames)
        head = MODELS.build(
            dict(type='PoseRegressionHead', in_channels=512, norm=True, losses=dict())
        )
    assert count(model) + count(head) == parameters
    assert count(model) - count(plain) == 3 * 512 + 1_050_112
    assert {243: 33_783_811, 81: 33_700_867, 27: 33_673_219}[frames] == (
        count(plain) + count(head)
    )


def test_all_parameters_receive_gradient():
    model, steps = backbone().eval(), torch.tensor([3, 999])
    weights = torch.randn(2, 9, 17, 8)
    (model(torch.randn(2, 9, 17, 5), steps) * weights).sum().backward()
    assert all(p.grad is not None and p.grad.any() for p in model.parameters())


def test_bfloat16():
    model, x = backbone().eval(), torch.randn(2, 9, 17, 5)
    steps = torch.tensor([998, 999])
    with torch.autocast('cpu', dtype=torch.bfloat16):
        found = model(x, steps)
    assert_close(found.float(), model(x, steps), atol=0.1, rtol=0.1)


def test_invalid():
    with pytest.raises(ValueError, match=r'\(B, T, 17, 5\), got \(1, 9, 17, 2\)'):
        backbone()(torch.zeros(1, 9, 17, 2), torch.zeros(1))
    with pytest.raises(ValueError, match=r'shape \(N,\), got \(\)'):
        backbone()(torch.zeros(1, 9, 17, 5), torch.tensor(3))
    with pytest.raises(ValueError, match='embed_dims=7'):
        DiffusionMixSTE(embed_dims=7, num_heads=1)
