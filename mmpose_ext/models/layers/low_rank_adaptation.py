"""Low-rank adaptation of layers, on ``peft``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from torch import Tensor, nn

ATTENTION_LAYERS = ('attn.qkv', 'attn.proj')
"""The layers that PoSynDA adapts: all projections of all attentions."""


def add_low_rank_adapters(
    network: nn.Module,
    rank: int = 4,
    *,
    targets: Sequence[str] = ATTENTION_LAYERS,
) -> None:
    """Give linear layers a trainable low-rank update and freeze the rest (Eq. 10).

    ``y = W x + b + B A x`` with A normal of standard deviation ``1 / rank`` and B zero,
    so the output is the same at first. Checkpoints from before still load.

    Args:
        network: Changed in place.
        rank: Rank r of the updates.
        targets: Ends of the names of the layers: linear ones, or convolutions without
            dilation.

    Raises:
        ImportError: If ``peft`` is not installed.
        ValueError: If the rank is below 1, or a target matches no layer or a dilated
            convolution.
    """
    if rank < 1:
        raise ValueError(f'the rank of LoRA must be at least 1, got {rank}')
    if isinstance(targets, str):
        targets = (targets,)
    _check_targets(network, targets)
    peft = _peft()
    config = peft.LoraConfig(
        r=rank,
        lora_alpha=rank,
        lora_dropout=0.0,
        init_lora_weights='gaussian',
        target_modules=list(targets),
    )
    network.requires_grad_(False)
    peft.inject_adapter_in_model(config, network)
    network.register_load_state_dict_pre_hook(_rename_base_layers)


def adapter_state_dict(network: nn.Module) -> dict[str, Tensor]:
    """The parameters of the adapters alone, under their names in ``network``."""
    return {
        name: value for name, value in network.state_dict().items() if '.lora_' in name
    }


def merge_adapters(network: nn.Module) -> None:
    """Add the updates to the weights and put the plain layers back, in place."""
    for parent, name, layer in list(_adapted_layers(network)):
        layer.merge(safe_merge=True)
        setattr(parent, name, layer.get_base_layer())


def _check_targets(network: nn.Module, targets: Sequence[str]) -> None:
    layers = {name: layer for name, layer in network.named_modules() if name}
    for target in targets:
        found = [name for name in layers if f'.{name}'.endswith(f'.{target}')]
        if not found:
            kinds = sorted({'.'.join(name.split('.')[-2:]) for name in layers})
            raise ValueError(
                f'LoRA target {target!r} matches no layer of '
                f'{type(network).__name__}; its layers end in {", ".join(kinds)}'
            )
        dilated = [n for n in found if set(getattr(layers[n], 'dilation', ())) - {1}]
        if dilated:
            raise ValueError(
                f'LoRA target {target!r} matches the convolution {dilated[0]}, which '
                "is dilated; peft's adapters are not, so choose other layers"
            )


def _adapted_layers(network: nn.Module) -> Iterator[tuple[nn.Module, str, Any]]:
    for parent in network.modules():
        for name, child in parent.named_children():
            if hasattr(child, 'lora_A'):
                yield parent, name, child


def _rename_base_layers(
    network: nn.Module, state_dict: dict[str, Tensor], prefix: str, *_: Any
) -> None:
    """Load a network without adapters; those of ``network`` stay as they are."""
    for name, layer in network.named_modules():
        if not hasattr(layer, 'lora_A') or f'{prefix}{name}.weight' not in state_dict:
            continue
        for kind in ('weight', 'bias'):
            plain = f'{prefix}{name}.{kind}'
            if plain in state_dict:
                state_dict[f'{prefix}{name}.base_layer.{kind}'] = state_dict.pop(plain)
        for key, value in layer.state_dict(prefix=f'{prefix}{name}.').items():
            if '.lora_' in key:
                state_dict.setdefault(key, value)


def _peft() -> Any:
    try:
        import peft
    except ImportError as error:
        raise ImportError(
            'low-rank adaptation needs peft: pip install "mmpose-ext[posynda]"'
        ) from error
    return peft
