"""Networks that see images or several sensors as functions of tensors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from mmpose_ext.engine.onnx_graph import BATCH, OnnxGraph, Shape
from mmpose_ext.geometry import H36M17
from mmpose_ext.models.backbones.metafi import ANTENNAS
from mmpose_ext.models.backbones.point_transformer import PointTransformer
from mmpose_ext.models.estimators.consistency_learner import heatmaps_of

_CHANNEL_STATE = (ANTENNAS, 114, 10)
_CLOUDS = ('lidar', 'mmwave')


class HeatmapGraph(OnnxGraph):
    """Images of persons to heatmaps; colours are normalised inside.

    Args:
        network: A top-down estimator with a heatmap head, such as a student.
        preprocessor: Data preprocessor of the model that it belongs to.
        joint_names: Its keypoints, in order; may be empty.
    """

    outputs = ('heatmaps',)
    mean: Tensor
    std: Tensor

    def __init__(
        self, network: Any, preprocessor: Any, joint_names: Sequence[str] = ()
    ) -> None:
        super().__init__(network)
        self.joint_names = list(joint_names)
        self.codec = network.head.decoder
        self.colours = 'RGB' if preprocessor._channel_conversion else 'BGR'
        for name, neutral in (('mean', 0.0), ('std', 1.0)):
            value = getattr(preprocessor, name, None)
            value = torch.tensor(neutral) if value is None else value.detach().clone()
            self.register_buffer(name, value)
        width, height = self.codec.input_size
        self.inputs = {'image': (BATCH, 3, int(height), int(width))}

    def forward(self, *inputs: Tensor) -> Tensor:
        """Images ``(B, 3, H, W)``, 0 to 255, to heatmaps ``(B, K, h, w)``."""
        image = (inputs[0] - self.mean) / self.std
        return heatmaps_of(self.model, image.to(self.precision)).float()

    def draw(
        self, name: str, shape: tuple[int, ...], generator: torch.Generator
    ) -> Tensor:
        """See :class:`OnnxGraph`."""
        return torch.randint(256, shape, generator=generator).float()

    def facts(self) -> dict[str, Any]:
        """Size and colours of images, size and codec of heatmaps, keypoints."""
        return {
            'task': 'heatmaps',
            'joint_names': self.joint_names,
            'colours': f'{self.colours}, float32 from 0 to 255',
            'input_size': [int(side) for side in self.codec.input_size],
            'heatmap_size': [int(side) for side in self.codec.heatmap_size],
            'codec': type(self.codec).__name__,
        }


class MultiModalGraph(OnnxGraph):
    """Frames of several sensors to absolute poses, with masks of points and sensors.

    Clouds have a fixed number of points; smaller ones are padded and masked, as
    ``multi_modal_collate`` does, larger ones thinned out by who runs the file.

    Args:
        model: A ``MultiModalPoseEstimator`` or a ``NetworkPair``.
        max_points: Points of each cloud, by modality.

    Raises:
        ValueError: If the shape of a modality's input is not known.
    """

    outputs = ('pose',)
    used: Tensor

    def __init__(self, model: Any, *, max_points: Mapping[str, int]) -> None:
        super().__init__(model)
        self.modalities: tuple[str, ...] = tuple(model.modalities)
        self.inputs = {}
        for name in self.modalities:
            shape = self._shape(name, max_points)
            self.inputs[name] = (BATCH, *shape)
            if name in _CLOUDS:
                self.inputs[f'{name}_mask'] = (BATCH, shape[0])
        self.inputs['valid'] = (BATCH, len(self.modalities))
        tested = model.networks[0].used
        used = torch.tensor([name in tested for name in self.modalities])
        self.register_buffer('used', used)

    def forward(self, *inputs: Tensor) -> Tensor:
        """Inputs of the sensors to poses ``(B, K, 3)``, metres, camera frame."""
        named = dict(zip(self.inputs, inputs, strict=True))
        named['valid'] = named['valid'] & self.used
        return self.model(named, None, 'tensor').float()

    def draw(
        self, name: str, shape: tuple[int, ...], generator: torch.Generator
    ) -> Tensor:
        """Clouds 3 m away of which a random share is real, and sensors that fail."""
        if name.endswith('_mask'):
            counts = torch.randint(shape[1] + 1, (shape[0], 1), generator=generator)
            return torch.arange(shape[1]) < counts
        if name == 'valid':
            return torch.rand(shape, generator=generator) < 0.8
        values = super().draw(name, shape, generator)
        if name == 'wifi':
            return values.abs()
        if name in _CLOUDS:
            values[..., 2] += 3
        return values

    def facts(self) -> dict[str, Any]:
        """Order of the modalities, joints, units."""
        return {
            'task': 'multi_modal_pose',
            'modalities': list(self.modalities),
            'joint_set': H36M17.name,
            'joint_names': list(H36M17.joint_names),
            'frame': 'camera axes (x right, y down, z forward), absolute',
            'unit': 'metres',
            'valid': f'columns {", ".join(self.modalities)}; false: absent',
        }

    def to_half(self) -> None:
        """Compute in float16, but for clouds, fusion and head.

        The points of a cloud may lie closer to each other than the 2 mm that float16
        can tell apart 3 m away, and other neighbours are another feature. Fusion and
        head are small.
        """
        for network in self.model.networks:
            for name, encoder in network.encoders.items():
                if name not in _CLOUDS:
                    _compute_in_half(encoder)

    def _shape(self, name: str, max_points: Mapping[str, int]) -> Shape:
        encoder = self.model.networks[0].encoders[name]
        if isinstance(encoder, PointTransformer) and name in max_points:
            return (max_points[name], encoder.in_channels)
        if name == 'wifi':
            return _CHANNEL_STATE
        if hasattr(encoder, 'input_shape'):
            return tuple(encoder.input_shape)
        raise ValueError(
            f'the shape of the input {name} of {type(encoder).__name__} is not known; '
            'known are those of PointTransformer, MetaFi and VideoPose3DEncoder'
        )


def _compute_in_half(module: nn.Module) -> None:
    """Float16 inside, float32 outside."""
    module.half()
    module.register_forward_pre_hook(lambda _, args: tuple(x.half() for x in args))
    module.register_forward_hook(lambda _, args, output: output.float())
