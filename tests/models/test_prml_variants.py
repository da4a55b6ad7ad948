"""Every variant in the paper's tables: its cost by a closed form, its training."""

from pathlib import Path

import pytest
import torch
import yaml
from get_flops import count_model, window_shape
from mmengine.config import Config
from mmpose.registry import MODELS

REPO = Path(__file__).parents[2]
LIST = REPO / 'configs/prml/experiments.yaml'
ROWS = {
    row['name'].removeprefix('prml_h36m_243').lstrip('_'): row
    for row in yaml.safe_load(LIST.read_text())['rows']
    if row['name'].startswith('prml_h36m_243')
}
T, K = 243, 17


def linear(inputs, outputs, *, bias=True):
    """Parameters and multiply-adds a token of a linear layer."""
    return inputs * outputs + bias * outputs, inputs * outputs


def norm(channels):
    return 2 * channels, 4 * channels


def total(*parts):
    return tuple(map(sum, zip(*parts, strict=True)))


def times(count, part):
    return count * part[0], count * part[1]


def mlp(C):  # noqa: N803
    return total(linear(C, 4 * C), linear(4 * C, C))


def layer(C):  # noqa: N803
    attention = total(linear(C, 3 * C, bias=False), linear(C, C))
    return total(norm(C), attention, norm(C), mlp(C))


def fusion(C):  # noqa: N803
    return linear(2 * C, 2)


def regressor(inputs, outputs):
    return total(linear(inputs, 512), linear(512, outputs))


def expected_cost(
    C=128,  # noqa: N803
    *,
    pairs=(13, 13),
    parallel=False,
    tad=True,
    coarse=True,
    biases=(1, 1),
    mi=True,
):
    """Parameters and thop's multiply-adds of a variant, part by part."""
    parts = [linear(3, C), (K * C, 0), (T * C, 0)]  # embeddings of joints and frames
    parts += [times(4, layer(C)), fusion(C)]  # shared bottom
    parts += [(2 * K * C, 0)]  # position embeddings of the branches
    for count in pairs:
        pair = total(times(2, layer(C)), fusion(C) if parallel else (0, 0))
        parts += [times(count, pair), norm(C) if count else (0, 0)]
    parts += [regressor(C, 2), regressor(C, 1)]
    if tad:
        parts += [fusion(C)] if coarse else []
        for own in biases:
            context = C + own * C
            parts += [(own * T * K * C, 0), norm(C), norm(context), norm(C), mlp(C)]
            parts += [linear(C, C, bias=False), linear(context, 2 * C, bias=False)]
            parts += [linear(C, C)]
        if mi:
            channels = [C + own * C for own in biases]
            parts += [regressor(channels[0], 2), regressor(channels[1], 1)]
    parameters, macs = total(*parts)
    return parameters, macs * T * K


VARIANTS = {
    '': {},
    # Table 4
    'bottom': dict(pairs=(0, 0), tad=False),
    'branch_2d': dict(pairs=(13, 0), tad=False),
    'branch_d': dict(pairs=(0, 13), tad=False),
    'tad': dict(pairs=(0, 0), mi=False),
    'tad_mi': dict(pairs=(0, 0)),
    'branches': dict(tad=False),
    'branches_tad': dict(mi=False),
    # Table 5
    'cross_attention': dict(coarse=False, biases=(0, 0)),
    'coarse': dict(biases=(0, 0)),
    'bias': dict(coarse=False),
    # Table 6
    'bias_2d': dict(biases=(1, 0)),
    'bias_d': dict(biases=(0, 1)),
    'bias_fixed': {},
    # Table 9
    'init_lg': {},
    'init_gl': {},
    'init_ll': {},
    # Table 10
    's': {},
    't': {},
    'st': {},
    'parallel': dict(parallel=True),
    # Table 11
    'c64': dict(C=64),
    'c96': dict(C=96),
    'mi_1': {},
    'mi_0.1': {},
    'infonce': dict(mi=False),
}


def config_of(name):
    cfg = Config.fromfile(REPO / ROWS[name]['config'])
    options = ROWS[name].get('options', {})
    cfg.merge_from_dict({key: python_value(value) for key, value in options.items()})
    return cfg


def python_value(value):
    """A value as `--cfg-options` reads it."""
    if isinstance(value, str) and value.startswith('('):
        return tuple(word for word in map(number, value[1:-1].split(',')) if word)
    return value


def number(word):
    return int(word) if word.isdigit() else word


def test_every_row_is_tested():
    assert set(ROWS) == set(VARIANTS)


def test_closed_form_of_the_dossier():
    # Without the embedding of the frames, which the paper's 13.0 M may or may not have.
    parameters, macs = expected_cost()
    assert parameters - T * 128 == 13_008_522
    assert macs == 11_928_960 * T * K
    assert round(macs / 1e9, 4) == 49.2785


@pytest.mark.parametrize('name', VARIANTS)
def test_cost(name):
    cfg = config_of(name)
    cost = count_model(cfg.model, window_shape(cfg))
    assert (cost.parameters, cost.macs_thop) == expected_cost(**VARIANTS[name])


@pytest.mark.parametrize('name', VARIANTS)
def test_training(name, make_batch):
    """A small model with the options of the row learns with all its parameters."""
    cfg = config_of(name)
    small = {'embed_dims': 8, 'num_heads': 2, 'seq_len': 3}
    depth = {key: min(cfg.model.backbone[key], 1) for key in ('depth_2d', 'depth_d')}
    cfg.model.backbone.update(**small, **depth)
    if cfg.model.neck is not None:
        cfg.model.neck.update(small)
    head = cfg.model.head
    head.update(in_channels=8, hidden_dims=8)
    scale = lambda channels: channels * 8 // 128  # noqa: E731
    if 'support_channels' in head:
        given = head.support_channels
        many = isinstance(given, tuple)
        head.support_channels = tuple(map(scale, given)) if many else scale(given)
    if name == 'infonce':
        head.loss_mi.support_channels = 16
    torch.manual_seed(0)
    model = MODELS.build(cfg.model)
    losses = model.loss(*make_batch(batch=4))
    assert ('loss_mi' in losses) == (head.loss_mi is not None)
    model.parse_losses(losses)[0].backward()
    silent = {
        name
        for name, parameter in model.named_parameters()
        if parameter.grad is None or not parameter.grad.any()
    }
    assert silent == (
        {'neck.bias_2d', 'neck.bias_d'} if name == 'bias_fixed' else set()
    )
    assert model.eval()(make_batch()[0], None, mode='tensor').shape == (2, 3, 17, 3)
