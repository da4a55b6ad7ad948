"""Where the parameters of xierc/Semi_Human_Pose are in MMPose's estimators.

Its models hold one or two networks under ``resnet.`` and ``resnet2.``, whatever their
kind, or a single one without a prefix (supervised). Backbones are named as MMPose's.
The last layer has 24 channels, a union of the skeletons of several datasets, of which
the joints of one dataset are taken; the others were never trained.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import torch
from torch import Tensor

UNION = 24
CHANNELS = {
    # Channels of the union, in the order of MMPose's CocoDataset and MpiiDataset.
    'coco': (11, 21, 20, 23, 22, 14, 17, 15, 18, 16, 19, 4, 1, 5, 2, 6, 3),
    'mpii': (3, 2, 1, 4, 5, 6, 0, 8, 10, 13, 19, 18, 17, 14, 15, 16),
}
PREPROCESSING = dict(
    mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], bgr_to_rgb=False
)
"""BGR images with the statistics of RGB ones: so they were trained."""

_PREFIXES = ('resnet.', 'resnet2.')
_BACKBONE = re.compile(r'(conv|bn|layer|stage|transition)\d+\.')
_LAST = re.compile(r'final_layer(?:_1)?\.(weight|bias)')
# Blocks of the third layer, and whether they are bottlenecks.
_DEPTHS = {(2, False): 18, (6, False): 34, (6, True): 50, (23, True): 101}
_DEPTHS[36, True] = 152


def convert_semi_human_pose(
    state: Mapping[str, Tensor], joints: str
) -> list[dict[str, Tensor]]:
    """Give the parameters of each network the names of a ``TopdownPoseEstimator``.

    Args:
        state: Parameters under their public names.
        joints: ``'coco'`` (17) or ``'mpii'`` (16).

    Returns:
        One dictionary a network, with the channels of these joints.

    Raises:
        ValueError: If the names are others.
    """
    if joints not in CHANNELS:
        raise ValueError(f'joints must be one of {list(CHANNELS)}, got {joints!r}')
    return [_convert(network, joints) for network in _networks(state)]


def students_state(networks: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    """State of a ``ConsistencyStudent`` or ``DualStudent`` of these networks."""
    return {
        f'students.{number}.{name}': value
        for number, network in enumerate(networks)
        for name, value in network.items()
    }


def kind_of(network: Mapping[str, Tensor]) -> str:
    """The kind of a converted network, such as ``'ResNet-18'``."""
    if any(name.startswith('backbone.stage') for name in network):
        name = 'backbone.stage2.0.branches.0.0.conv1.weight'
        return f'HRNet-W{len(network[name])}'
    third = [name for name in network if name.startswith('backbone.layer3.')]
    blocks = len({name.split('.')[2] for name in third})
    bottleneck = any(name.endswith('.conv3.weight') for name in third)
    depth = _DEPTHS.get((blocks, bottleneck))
    return 'ResNet' if depth is None else f'ResNet-{depth}'


def _networks(state: Mapping[str, Tensor]) -> list[dict[str, Tensor]]:
    parts: list[dict[str, Tensor]] = []
    for prefix in _PREFIXES:
        own = {k[len(prefix) :]: v for k, v in state.items() if k.startswith(prefix)}
        if own:
            parts.append(own)
    if not parts:
        return [dict(state)]
    outside = [name for name in state if not name.startswith(_PREFIXES)]
    if outside:
        raise ValueError(
            f'some names begin with {_PREFIXES} and others not, such as {outside[:5]}; '
            'this is no checkpoint of xierc/Semi_Human_Pose'
        )
    return parts


def _convert(network: Mapping[str, Tensor], joints: str) -> dict[str, Tensor]:
    converted, unknown = {}, []
    rows = torch.tensor(CHANNELS[joints])
    for name, value in network.items():
        last = _LAST.fullmatch(name)
        if last:
            if len(value) != UNION:
                raise ValueError(
                    f'{name} has {len(value)} channels, expected the {UNION} of '
                    'xierc/Semi_Human_Pose; a network of one dataset needs no '
                    'conversion of its last layer'
                )
            converted[f'head.final_layer.{last[1]}'] = value[rows]
        elif name.startswith('deconv_layers.'):
            converted[f'head.{name}'] = value
        elif _BACKBONE.match(name):
            converted[f'backbone.{name}'] = value
        else:
            unknown.append(name)
    needed = ('backbone.conv1.weight', 'head.final_layer.weight')
    missing = [name for name in needed if name not in converted]
    if unknown or missing:
        raise ValueError(
            'this is no checkpoint of xierc/Semi_Human_Pose: unknown names '
            f'{unknown[:10]}, nothing for {missing}; check --from'
        )
    return converted
