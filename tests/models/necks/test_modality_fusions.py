"""Concatenation, MLP and attention over the features of modalities."""

from __future__ import annotations

import pytest
import torch
from mmpose.registry import MODELS

from mmpose_ext.models.necks import AttentionFusion, ConcatFusion, MLPFusion

WIDTHS = {'rgb': 5, 'lidar': 4, 'wifi': 3}
OPTIONS = {
    'ConcatFusion': {},
    'MLPFusion': {'hidden_channels': 7},
    'AttentionFusion': {'embed_dims': 8, 'num_heads': 2},
}
KEEP = torch.tensor(
    [[True, True, True], [True, False, True], [False, False, True], [False] * 3]
)


@pytest.fixture
def features():
    generator = torch.Generator().manual_seed(1)
    return {
        name: torch.randn(4, width, generator=generator)
        for name, width in WIDTHS.items()
    }


def build(name: str, **options):
    torch.manual_seed(0)
    config = dict(type=name, in_channels=WIDTHS, **OPTIONS[name], **options)
    return MODELS.build(config).eval()


def test_shapes(features):
    widths = {'ConcatFusion': 12, 'MLPFusion': 7, 'AttentionFusion': 8}
    for name, width in widths.items():
        fusion = build(name)
        assert fusion.out_channels == width
        assert fusion(features).shape == (4, width)
        assert fusion(features, KEEP[:, None]).shape == (4, 4, width)
        assert fusion.modalities == ('rgb', 'lidar', 'wifi')


@pytest.mark.parametrize('name', OPTIONS)
def test_subsets_at_once_equal_subsets_one_by_one(name, features):
    fusion = build(name)
    together = fusion(features, KEEP[:, None])
    for fused, keep in zip(together, KEEP, strict=True):
        torch.testing.assert_close(fused, fusion(features, keep.expand(4, 3)))


@pytest.mark.parametrize('name', ['ConcatFusion', 'MLPFusion'])
def test_an_absent_modality_is_zeros(name, features):
    fusion = build(name)
    zeroed = features | {'lidar': torch.zeros(4, 4)}
    torch.testing.assert_close(fusion(features, KEEP[1]), fusion(zeroed))


@pytest.mark.parametrize('name', OPTIONS)
def test_an_absent_modality_is_what_fills_its_place(name, features):
    fusion = build(name)
    fill = {n: torch.full((w,), 0.3) for n, w in WIDTHS.items()}
    replaced = features | {'lidar': torch.full((4, 4), 0.3)}
    torch.testing.assert_close(fusion(features, KEEP[1], fill), fusion(replaced))


@pytest.mark.parametrize('name', OPTIONS)
@pytest.mark.parametrize('absent', ['zero_token', 'no_token'])
def test_what_is_absent_does_not_matter(name, absent, features):
    options = {'absent': absent} if name == 'AttentionFusion' else {}
    fusion = build(name, **options)
    other = features | {'lidar': features['lidar'] + 100}
    torch.testing.assert_close(fusion(features, KEEP[1]), fusion(other, KEEP[1]))
    assert fusion(features, KEEP[3]).isfinite().all()


def test_tokens_left_out_are_as_if_they_were_not_there(features):
    fusion = build('AttentionFusion', absent='no_token')
    without = build('AttentionFusion', absent='no_token')
    torch.manual_seed(0)
    fewer = AttentionFusion({'rgb': 5, 'wifi': 3}, **OPTIONS['AttentionFusion'])
    state = fusion.state_dict()
    kept = {k: v for k, v in state.items() if 'lidar' not in k}
    kept['embedding'] = state['embedding'][[0, 2]]
    fewer.load_state_dict(kept)
    two = {name: features[name] for name in ('rgb', 'wifi')}
    torch.testing.assert_close(without(features, KEEP[1]), fewer.eval()(two))


def test_zero_tokens_dilute_the_mean(features):
    zero = build('AttentionFusion')(features, KEEP[1])
    none = build('AttentionFusion', absent='no_token')(features, KEEP[1])
    assert (zero - none).abs().max() > 1e-2


def test_parts_of_a_linear_map_add_up(features):
    fusion, weight = build('ConcatFusion'), torch.randn(6, 12)
    parts = fusion.parts(features, weight)
    assert parts.shape == (3, 4, 6)
    torch.testing.assert_close(parts.sum(0), fusion(features) @ weight.T)
    torch.testing.assert_close(parts[1], features['lidar'] @ weight[:, 5:9].T)


def test_values():
    fusion = ConcatFusion({'a': 1, 'b': 2})
    features = {'a': torch.tensor([[1.0]]), 'b': torch.tensor([[2.0, 3.0]])}
    keep = torch.tensor([False, True])
    assert fusion(features, keep).tolist() == [[0.0, 2.0, 3.0]]
    mlp = MLPFusion({'a': 1, 'b': 2}, hidden_channels=2)
    mlp.hidden.load_state_dict(
        {'weight': torch.tensor([[1.0, 1, 1], [-1, 0, 0]]), 'bias': torch.zeros(2)}
    )
    assert mlp(features).tolist() == [[6.0, 0.0]]
    assert mlp(features, keep).tolist() == [[5.0, 0.0]]


def test_which_fusions_are_sums_of_modalities():
    assert ConcatFusion.additive
    assert MLPFusion.additive
    assert not AttentionFusion.additive


def test_invalid():
    with pytest.raises(ValueError, match='at least one modality'):
        ConcatFusion({})
    with pytest.raises(ValueError, match="'zero_token' or 'no_token'"):
        AttentionFusion(WIDTHS, absent='mask')
    with pytest.raises(ValueError, match='does not divide'):
        AttentionFusion(WIDTHS, embed_dims=8, num_heads=3)
