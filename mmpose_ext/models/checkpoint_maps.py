"""Where the parameters of public lifters are in ours.

The maps are data: a further network is one more entry of ``CHECKPOINT_MAPS``.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping

from torch import Tensor


@dataclasses.dataclass(frozen=True)
class CheckpointMap:
    """Names of a public network and what they are called here.

    ``{i}`` in a name stands for the number of a block.

    Attributes:
        source: Where the public names come from.
        backbone: Our class that computes the same function.
        modules: Our name of each public module with a weight and a bias.
        parameters: For each public parameter that stands alone, our name, and the axis
            that the parameter lacks there.
        prefix: What the public names may begin with.
        left_behind: Pattern of names, prefix included, of values that we compute
            ourselves.
    """

    source: str
    backbone: str
    modules: Mapping[str, str]
    parameters: Mapping[str, tuple[str, int | None]]
    prefix: str = ''
    left_behind: str | None = None

    def names(self, depth: int) -> dict[str, tuple[str, int | None]]:
        """Our name and the axis to insert for each public name.

        Args:
            depth: Number of blocks.
        """
        templates = dict(self.parameters)
        for public, ours in self.modules.items():
            for kind in ('weight', 'bias'):
                templates[f'{public}.{kind}'] = (f'{ours}.{kind}', None)
        return {
            public.replace('{i}', str(i)): (ours.replace('{i}', str(i)), axis)
            for public, (ours, axis) in templates.items()
            for i in range(depth if '{i}' in public else 1)
        }

    def is_left_behind(self, key: str) -> bool:
        """Whether a public name is of a value that we compute ourselves."""
        return self.left_behind is not None and bool(
            re.fullmatch(self.left_behind, key)
        )

    def depth(self, keys: Iterable[str]) -> int:
        """Number of blocks that public names speak of."""
        prefixes = tuple(
            public.partition('{i}')[0] for public in self.modules if '{i}' in public
        )
        numbers = (re.search(r'\.(\d+)\.', k) for k in keys if k.startswith(prefixes))
        return len({number[1] for number in numbers if number})


def _layer(public: str, ours: str, axis: str = '', mlp: str = '') -> dict[str, str]:
    """One transformer layer, named as in timm with a suffix for its axis."""
    first, second = ('0', '2') if mlp == 'sequential' else ('fc1', 'fc2')
    return {
        f'{public}.norm1{axis}': f'{ours}.norm1',
        f'{public}.attn{axis}.qkv': f'{ours}.attn.qkv',
        f'{public}.attn{axis}.proj': f'{ours}.attn.proj',
        f'{public}.norm2{axis}': f'{ours}.norm2',
        f'{public}.mlp{axis}.{first}': f'{ours}.mlp.fc1',
        f'{public}.mlp{axis}.{second}': f'{ours}.mlp.fc2',
    }


_MIXSTE_MODULES = {
    'Spatial_patch_to_embedding': 'backbone.embedding.proj',
    **_layer('STEblocks.{i}', 'backbone.spatial_layers.{i}'),
    **_layer('TTEblocks.{i}', 'backbone.temporal_layers.{i}'),
    'Spatial_norm': 'backbone.spatial_norm',
    'Temporal_norm': 'backbone.temporal_norm',
    'head.0': 'head.norm',
    'head.1': 'head.regression',
}
_MIXSTE_PARAMETERS: dict[str, tuple[str, int | None]] = {
    'Spatial_pos_embed': ('backbone.embedding.joints', 1),
    'Temporal_pos_embed': ('backbone.frames', 2),
}


def _dstformer(prefix: str = '', mlp: str = '') -> dict[str, str]:
    """The layers of both streams of a DSTFormer, in the order in which they run."""
    block, stream = 'backbone.blocks.{i}', prefix + 'blocks'
    return {
        **_layer(f'{stream}_st.{{i}}', f'{block}.stream_st.0', '_s', mlp),
        **_layer(f'{stream}_st.{{i}}', f'{block}.stream_st.1', '_t', mlp),
        **_layer(f'{stream}_ts.{{i}}', f'{block}.stream_ts.0', '_t', mlp),
        **_layer(f'{stream}_ts.{{i}}', f'{block}.stream_ts.1', '_s', mlp),
    }


CHECKPOINT_MAPS: dict[str, CheckpointMap] = {
    'motionbert': CheckpointMap(
        source='Walter0807/MotionBERT, lib/model/DSTformer.py, class DSTformer',
        backbone='MotionBERT',
        modules={
            'joints_embed': 'backbone.embedding.proj',
            **_dstformer(),
            'ts_attn.{i}': 'backbone.blocks.{i}.fusion.fc',
            'norm': 'backbone.norm',
            'pre_logits.fc': 'head.hidden.0',
            'head': 'head.regression',
        },
        parameters={
            'pos_embed': ('backbone.embedding.joints', 1),
            'temp_embed': ('backbone.embedding.frames', None),
        },
    ),
    'mmpose': CheckpointMap(
        source='open-mmlab/mmpose, classes DSTFormer and MotionRegressionHead',
        backbone='MotionBERT',
        modules={
            'backbone.joints_embed': 'backbone.embedding.proj',
            **_dstformer('backbone.', mlp='sequential'),
            'backbone.attn_regress.{i}': 'backbone.blocks.{i}.fusion.fc',
            'backbone.norm': 'backbone.norm',
            'head.pre_logits.fc': 'head.hidden.0',
            'head.fc': 'head.regression',
        },
        parameters={
            'backbone.spat_embed': ('backbone.embedding.joints', 1),
            'backbone.temp_embed': ('backbone.embedding.frames', None),
        },
    ),
    'mixste': CheckpointMap(
        source='JinluZhang1126/MixSTE, common/model_cross.py, class MixSTE2',
        backbone='MixSTE',
        modules=_MIXSTE_MODULES,
        parameters=_MIXSTE_PARAMETERS,
    ),
    'd3dp': CheckpointMap(
        source='paTRICK-swk/D3DP, common/mixste.py, class MixSTE2, in class D3DP',
        backbone='DiffusionMixSTE',
        modules={
            **_MIXSTE_MODULES,
            'time_mlp.1': 'backbone.time_embedding.fc1',
            'time_mlp.3': 'backbone.time_embedding.fc2',
        },
        parameters=_MIXSTE_PARAMETERS,
        prefix='pose_estimator.',
        # The noise schedule, which follows from its name and length.
        left_behind=r'betas|\w*alphas_cumprod\w*|posterior_\w+',
    ),
}


def convert_state_dict(
    state: Mapping[str, Tensor], source: str, *, prefix: str = ''
) -> dict[str, Tensor]:
    """Give the parameters of a public network our names and shapes.

    Args:
        state: Parameters under their public names.
        source: A key of ``CHECKPOINT_MAPS``.
        prefix: Convert only what gets a name with this prefix, for example
            ``'backbone.'``; the rest may be absent.

    Returns:
        Parameters under our names, which load strictly into the model. Without ``qkv``
        biases in the state (``qkv_bias=False``) there are none in the result.

    Raises:
        ValueError: If the source is unknown, or keys are unknown or missing.
    """
    if source not in CHECKPOINT_MAPS:
        raise ValueError(f'source must be one of {list(CHECKPOINT_MAPS)}: {source!r}')
    checkpoint_map = CHECKPOINT_MAPS[source]
    state = {
        key.removeprefix(checkpoint_map.prefix): value
        for key, value in state.items()
        if not checkpoint_map.is_left_behind(key)
    }
    names = checkpoint_map.names(checkpoint_map.depth(state))
    if not any(key.endswith('qkv.bias') for key in state):
        names = {k: v for k, v in names.items() if not k.endswith('qkv.bias')}
    unknown = [key for key in state if key not in names]
    names = {key: to for key, to in names.items() if to[0].startswith(prefix)}
    missing = [key for key in names if key not in state]
    if unknown or missing:
        raise ValueError(
            f'this is not a checkpoint of {checkpoint_map.source}: unknown keys '
            f'{_listed(unknown)}, missing keys {_listed(missing)}; check --from'
        )
    return {
        ours: state[key] if axis is None else state[key].unsqueeze(axis)
        for key, (ours, axis) in names.items()
    }


def _listed(keys: list[str], most: int = 20) -> str:
    more = f' and {len(keys) - most} more' if len(keys) > most else ''
    return f'{keys[:most]}{more}'
