"""Lifters of keypoints as functions of tensors."""

from __future__ import annotations

from typing import Any

import torch
from mmpose.structures import PoseDataSample
from torch import Tensor

from mmpose_ext.engine.onnx_graph import BATCH, OnnxGraph, Shape
from mmpose_ext.geometry import FLIP_INDICES, H36M17
from mmpose_ext.geometry.joint_maps import JOINT_SETS, joint_map


class LifterGraph(OnnxGraph):
    """Windows of 2D keypoints to root-relative poses, flip test and all.

    Networks that also look at the images take what they need of them as further inputs.

    Args:
        model: A ``SequenceLifter`` with a ``LiftingLabel`` codec.
        seq_len: Frames of a window, T.
        flip_test: Average with the prediction of the mirrored input; as the config
            says, if ``None``.
    """

    outputs: tuple[str, ...] = ('pose',)

    def __init__(
        self, model: Any, *, seq_len: int, flip_test: bool | None = None
    ) -> None:
        super().__init__(model)
        self.codec = model.head.decoder
        self.seq_len, self.channels = seq_len, 3 if self.codec.confidence else 2
        asked = model.test_cfg.get('flip_test', False)
        self.flip_test = bool(asked if flip_test is None else flip_test)
        features = getattr(model.backbone, 'feature_shapes', {})
        self.inputs = {'keypoints': self.window(self.channels)} | {
            name: (BATCH, seq_len, *shape) for name, shape in features.items()
        }

    def window(self, channels: int) -> Shape:
        """Shape of a window with some numbers a joint."""
        return (BATCH, self.seq_len, self.codec.num_keypoints, channels)

    def forward(self, *inputs: Tensor) -> Any:
        """Keypoints ``(B, T, K, C)`` to poses ``(B, T, K, 3)``."""
        named: Any = {
            name: value.to(self.precision)
            for name, value in zip(self.inputs, inputs, strict=True)
        }
        if len(named) == 1:
            named = named['keypoints']
        self.model.test_cfg = {**self.model.test_cfg, 'flip_test': self.flip_test}
        sample = PoseDataSample(metainfo={'flip_indices': FLIP_INDICES})
        return self.minus_root(self.model.predict_coordinates(named, [sample]).float())

    def minus_root(self, pose: Tensor) -> Tensor:
        """Poses ``(..., K, 3)`` relative to their root."""
        root = self.codec.root_index
        return pose - pose[..., root : root + 1, :]

    def facts(self) -> dict[str, Any]:
        """Window, joints and how to make them of other sets, normalisation, units."""
        return {
            'task': 'lift_keypoints',
            'seq_len': self.seq_len,
            'joint_set': H36M17.name,
            'joint_names': list(H36M17.joint_names),
            'joint_maps': {
                name: {'joints': list(joints), 'weights': joint_map(name)}
                for name, joints in JOINT_SETS.items()
            },
            'input_channels': ['x', 'y', 'score'][: self.channels],
            'normalisation': 'x * 2 / width - 1; y * 2 / width - height / width',
            'frame': 'camera axes (x right, y down, z forward), relative to joint '
            f'{self.codec.root_index}',
            'unit': 'metres = pose * (fixed + width * per_pixel)',
            **metres_of_unit(self.codec),
            'flip_test': self.flip_test,
        }


def metres_of_unit(codec: Any) -> dict[str, float]:
    """Metres of one unit of a lifter's outputs, where nothing of the camera is known.

    Args:
        codec: A ``LiftingLabel``.

    Returns:
        ``fixed``, metres, and ``per_pixel``, to be multiplied by the image's width in
        pixels; the unit is their sum.
    """
    pose = torch.zeros(1, 1, codec.num_keypoints, 3)
    pose[:, :, codec.root_index, 0] = -1  # the others are one unit away from it

    def metres(width: float) -> float:
        decoded = codec.decode(pose, torch.tensor([width]), torch.zeros(1, 1))
        return float(decoded[..., 0].max())

    fixed = metres(0.0)
    return {'fixed': fixed, 'per_pixel': metres(1.0) - fixed}
