"""Lifting networks as functions from windows to poses, without data samples."""

from __future__ import annotations

from typing import Any

import torch
from mmpose.structures import PoseDataSample
from torch import Tensor

from mmpose_ext.codecs import LiftingLabel
from mmpose_ext.geometry import FLIP_INDICES, H36M17, choose_joints
from mmpose_ext.models.estimators import DiffusionLifter, SequenceLifter
from mmpose_ext.models.estimators.diffusion_lifter import hypothesis_errors
from mmpose_ext.models.normalized_cameras import NormalizedCameras

_NOISE_SEED = 0


def check_network(model: Any) -> None:
    """Whether a network lifts keypoints of Human3.6M's joints, and nothing else.

    Raises:
        ValueError: If it does not.
    """
    if not isinstance(model, SequenceLifter):
        raise ValueError(
            f'the model is a {type(model).__name__}; expected a SequenceLifter or a '
            'DiffusionLifter, such as those of configs/prml and configs/posynda'
        )
    codec = getattr(model.head, 'decoder', None)
    if not isinstance(codec, LiftingLabel) or codec.num_keypoints != H36M17.num_joints:
        raise ValueError(
            f'the decoder of the head is {codec!r}; expected a LiftingLabel for '
            f'{H36M17.num_joints} joints'
        )
    features = getattr(model.backbone, 'feature_shapes', {})
    if features:
        raise ValueError(
            f'{type(model.backbone).__name__} takes {sorted(features)} of the images '
            'besides keypoints, so it cannot lift keypoints alone; give another config'
        )


def predict_windows(
    model: Any, inputs: Tensor, cameras: NormalizedCameras | None = None
) -> Tensor:
    """Outputs of a network with the options of its ``test_cfg``.

    Diffusion lifters draw the same noise at every call, so a clip gives the same poses
    every time.

    Args:
        model: A ``SequenceLifter`` or ``DiffusionLifter``, in evaluation mode.
        inputs: Encoded keypoints ``(B, T, K, C)``, on the network's device.
        cameras: Of the windows, for ``aggregation='joint'``.

    Returns:
        In the codec's units, ``(B, T, K, 3)``.

    Raises:
        ValueError: If hypotheses shall be chosen by projection without cameras.
    """
    if isinstance(model, DiffusionLifter):
        return _predict_by_diffusion(model, inputs, cameras)
    sample = PoseDataSample(metainfo={'flip_indices': FLIP_INDICES})
    return model.predict_coordinates(inputs, [sample])


def _predict_by_diffusion(
    model: DiffusionLifter, inputs: Tensor, cameras: NormalizedCameras | None
) -> Tensor:
    flip_indices = FLIP_INDICES if model.test_cfg.get('flip_test', False) else None
    hypotheses = model.draw_hypotheses(
        inputs,
        model.num_hypotheses,
        torch.Generator().manual_seed(_NOISE_SEED),
        flip_indices,
    )
    if model.num_hypotheses == 1 or model.aggregation == 'mean':
        return hypotheses.mean(1)
    if cameras is None:
        raise ValueError(
            "aggregation='joint' chooses joints by their projection, which needs a "
            'camera: give intrinsics or a field of view, or override the config with '
            'model.test_cfg.aggregation=mean'
        )
    errors = hypothesis_errors(hypotheses.float(), inputs.float(), cameras)
    return choose_joints(hypotheses, errors)
