"""An optimiser for each part of a model."""

import pytest
import torch
from mmengine.model import BaseModel, MMDistributedDataParallel
from mmengine.optim import OptimWrapperDict, build_optim_wrapper
from torch import nn

import mmpose_ext  # noqa: F401

CONFIG = dict(constructor='mmpose.PartsOptimWrapperConstructor')
SGD = dict(type='SGD', lr=0.1)


class TwoParts(BaseModel):
    def __init__(self):
        super().__init__()
        self.left, self.right, self.other = (nn.Linear(2, 2) for _ in range(3))

    def forward(self, *args):
        pass

    def optimised_parts(self):
        return {'left': nn.ModuleList([self.left, self.other]), 'right': self.right}


def parameters(wrapper):
    return {p for group in wrapper.param_groups for p in group['params']}


def test_values():
    model = TwoParts()
    wrappers = build_optim_wrapper(
        model,
        dict(
            **CONFIG,
            clip_grad=dict(max_norm=1.0),
            left=dict(optimizer=SGD),
            right=dict(
                optimizer=dict(type='Adam', lr=0.2), clip_grad=dict(max_norm=2.0)
            ),
        ),
    )
    assert type(wrappers) is OptimWrapperDict and set(wrappers.keys()) == {
        'left',
        'right',
    }
    left, right = wrappers['left'], wrappers['right']
    assert parameters(left) == {*model.left.parameters(), *model.other.parameters()}
    assert parameters(right) == set(model.right.parameters())
    assert type(left.optimizer) is torch.optim.SGD
    assert type(right.optimizer) is torch.optim.Adam
    assert left.clip_grad_kwargs == {'max_norm': 1.0}
    assert right.clip_grad_kwargs == {'max_norm': 2.0}


def test_shared_type_and_paramwise():
    wrappers = build_optim_wrapper(
        TwoParts(),
        dict(
            **CONFIG,
            type='mmpose.Bf16OptimWrapper',
            paramwise_cfg=dict(bias_lr_mult=2.0),
            left=dict(optimizer=SGD),
            right=dict(optimizer=SGD, paramwise_cfg=dict(bias_lr_mult=3.0)),
        ),
    )
    kinds = {type(wrapper).__name__ for wrapper in wrappers.values()}
    assert kinds == {'Bf16OptimWrapper'}
    rates = {name: max(w.get_lr()['lr']) for name, w in wrappers.items()}
    assert rates == pytest.approx(dict(left=0.2, right=0.3))


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(left=dict(optimizer=SGD)), r"has no \['right'\].*TwoParts"),
        (
            dict(
                left=dict(optimizer=SGD),
                right=dict(optimizer=SGD, accumulative_counts=2),
            ),
            'accumulative_counts',
        ),
    ],
)
def test_invalid(options, message):
    with pytest.raises(ValueError, match=message):
        build_optim_wrapper(TwoParts(), dict(**CONFIG, **options))


def test_invalid_models(tmp_path):
    with pytest.raises(TypeError, match='Linear names no parts'):
        build_optim_wrapper(nn.Linear(1, 1), dict(CONFIG))
    torch.distributed.init_process_group(
        'gloo', init_method=f'file://{tmp_path}/group', rank=0, world_size=1
    )
    try:
        model = MMDistributedDataParallel(TwoParts())
        with pytest.raises(ValueError, match='single optimiser.*paramwise_cfg'):
            build_optim_wrapper(model, dict(CONFIG))
    finally:
        torch.distributed.destroy_process_group()
