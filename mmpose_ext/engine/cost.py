"""What a network costs: parameters, multiply-adds, floating-point operations.

Papers on lifting count with thop, whose rules are narrow: it knows layers, not
operations. The counter here follows those rules from the shapes that the layers see, so
that figures can be compared, and gives the operations with attention beside them. No
weight is read: networks on the ``meta`` device are counted without computing anything.
"""

from __future__ import annotations

import dataclasses
import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

from mmpose_ext.models.evaluation_mode import evaluating
from mmpose_ext.models.layers import TimeEmbedding

_CONVOLUTIONS = (nn.modules.conv._ConvNd,)
_NORMS = (
    nn.LayerNorm,
    nn.modules.batchnorm._BatchNorm,
    nn.modules.instancenorm._InstanceNorm,
)


@dataclasses.dataclass(frozen=True)
class PartCost:
    """The share of one part of a network.

    Attributes:
        parameters: Parameters, as in :class:`Cost`.
        macs_thop: Multiply-adds, as in :class:`Cost`.
    """

    parameters: int
    macs_thop: int


@dataclasses.dataclass(frozen=True)
class Cost:
    """Cost of one forward pass.

    Attributes:
        parameters: Numbers in the parameters of the network; those of loss modules
            are not the network's and are left out.
        parameters_thop: Of these, the ones in layers that thop knows (linear,
            convolution, normalisation) and that ran; parameters that stand alone, such
            as embeddings, are not among them.
        macs_thop: Multiply-adds by thop's rules, see :func:`layer_macs`. Attention's
            matrix products, softmax and sums count nothing.
        flops_linear: Operations of the linear layers alone, two for each multiply-add.
            Those of a :class:`TimeEmbedding`, which see one vector a window and not its
            tokens, are left out here (only here), as papers on diffusion lifters do.
        flops: Operations of all matrix products and convolutions, two for each
            multiply-add, attention included.
        parts: Shares of the parts, named by the first two words of their path.
    """

    parameters: int
    parameters_thop: int
    macs_thop: int
    flops_linear: int
    flops: int
    parts: dict[str, PartCost]

    def to_dict(self) -> dict[str, Any]:
        """All figures as plain numbers and dicts."""
        return dataclasses.asdict(self)


def count_cost(
    network: nn.Module, forward: Callable[[], Any], *, inference: bool = False
) -> Cost:
    """Count one forward pass.

    Args:
        network: Owner of all layers that run.
        forward: Runs the network once, on the device of the network. It is called in
            evaluation mode and without gradients.
        inference: Count only parameters that the pass uses: heads that run in training
            alone are then left out. Otherwise all count.
    """
    macs: dict[str, int] = defaultdict(int)
    layers = dict(known_layers(network))
    linear = set(token_linears(network))

    def watch(name: str) -> Callable:
        def hook(layer: nn.Module, inputs: tuple, output: Tensor) -> None:
            macs[name] += layer_macs(layer, inputs[0].shape, output.shape)

        return hook

    counter = FlopCounterMode(display=False, custom_mapping=_CPU_ATTENTION)
    used = _ParametersInUse()
    with _hooks(layers, watch), evaluating(network), torch.no_grad(), used, counter:
        forward()
    parameters = {
        name: parameter.numel()
        for name, parameter in network_parameters(network)
        if not inference or id(parameter) in used.ids
    }
    return Cost(
        parameters=sum(parameters.values()),
        parameters_thop=sum(_size(layers[name]) for name in macs),
        macs_thop=sum(macs.values()),
        flops_linear=2 * sum(count for name, count in macs.items() if name in linear),
        flops=int(counter.get_total_flops()),
        parts=_parts(parameters, macs),
    )


def known_layers(network: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Names and layers for which :func:`layer_macs` has a rule."""
    for name, module in network.named_modules():
        if isinstance(module, (nn.Linear, *_NORMS, *_CONVOLUTIONS)):
            yield name, module


def token_linears(network: nn.Module) -> Iterator[str]:
    """Names of the linear layers, without those that embed time steps."""
    of_time = tuple(
        f'{name}.' if name else ''
        for name, module in network.named_modules()
        if isinstance(module, TimeEmbedding)
    )
    for name, layer in known_layers(network):
        if isinstance(layer, nn.Linear) and not name.startswith(of_time):
            yield name


def layer_macs(
    layer: nn.Module, input_shape: Iterable[int], output_shape: Iterable[int]
) -> int:
    """Multiply-adds of a layer by the rules of thop; biases count nothing.

    - linear: input channels for each number of the output;
    - convolution, also transposed: kernel size times input channels of a group for each
      number of the output;
    - normalisation: four for each number of the input with learned scale, else two.

    Source: thop 0.1.1, ``vision/basic_hooks.py``. Its rules for pooling, activations
    and recurrent layers are left out.

    Raises:
        ValueError: If there is no rule for the layer.
    """
    if isinstance(layer, nn.Linear):
        return layer.in_features * math.prod(output_shape)
    if isinstance(layer, _CONVOLUTIONS):
        channels = layer.in_channels // layer.groups
        return math.prod(output_shape) * channels * math.prod(layer.kernel_size)
    if isinstance(layer, _NORMS):
        return math.prod(input_shape) * (2 if layer.weight is None else 4)
    raise ValueError(f'thop has no rule for {type(layer).__name__}')


def network_parameters(network: nn.Module) -> Iterator[tuple[str, nn.Parameter]]:
    """Names and parameters, without those of loss modules.

    A module is a loss if a word of its path begins with ``loss``, as in
    ``head.loss_mi`` or ``head.losses.pose``.
    """
    for name, parameter in network.named_parameters():
        if not any(word.startswith('loss') for word in name.split('.')[:-1]):
            yield name, parameter


class _ParametersInUse(TorchDispatchMode):
    """Remembers which parameters take part in any operation."""

    def __init__(self) -> None:
        super().__init__()
        self.ids: set[int] = set()

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None
    ) -> Any:
        for leaf in tree_leaves((args, kwargs or {})):
            if isinstance(leaf, nn.Parameter):
                self.ids.add(id(leaf))
        return func(*args, **(kwargs or {}))


def _attention_flops(
    query: torch.Size, key: torch.Size, value: torch.Size, *_: Any, **__: Any
) -> int:
    """Operations of fused attention of shapes ``(B, heads, L, D)``."""
    return 2 * math.prod(query[:-1]) * key[-2] * (query[-1] + value[-1])


# The fused attention of CPUs is the one that torch's counter does not know.
_CPU_ATTENTION: dict[Any, Any] = {
    torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: _attention_flops
}


@contextmanager
def _hooks(
    layers: dict[str, nn.Module], make: Callable[[str], Callable]
) -> Iterator[None]:
    handles = [
        layer.register_forward_hook(make(name)) for name, layer in layers.items()
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _size(layer: nn.Module) -> int:
    return sum(parameter.numel() for parameter in layer.parameters())


def _parts(parameters: dict[str, int], macs: dict[str, int]) -> dict[str, PartCost]:
    """Sum both over the first two words of the names, in order of the parameters."""

    def part(name: str) -> str:
        return '.'.join(name.split('.')[:2])

    names = dict.fromkeys(map(part, [*parameters, *macs]))
    return {
        name: PartCost(
            sum(n for path, n in parameters.items() if part(path) == name),
            sum(n for path, n in macs.items() if part(path) == name),
        )
        for name in names
    }
