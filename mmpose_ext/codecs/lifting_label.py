"""Targets of pose lifters: normalised 2D in, root-relative 3D out."""

from __future__ import annotations

from typing import Any, Literal, get_args

import numpy as np
import torch
from mmpose.codecs.base import BaseKeypointCodec
from mmpose.registry import KEYPOINT_CODECS
from torch import Tensor

Target = Literal['camera', 'image']
Denormalization = Literal['train_unit', 'legacy']

NOMINAL_FACTOR = 0.004
"""Metres a pixel where nothing is known: a person at 4.6 m, f = 1145 px."""

LEGACY_UNIT = 1.024
"""Metres of a unit where millimetres are normalised like pixels of a 2048 px image."""


@KEYPOINT_CODECS.register_module()
class LiftingLabel(BaseKeypointCodec):
    """Normalise 2D keypoints and make root-relative 3D labels.

    2D is normalised by the image width: ``x / w * 2 - 1`` and ``y / w * 2 - h / w``, so
    that x lies in [-1, 1] and the aspect ratio stays.

    Two targets:

    - ``'camera'``: the pose in the camera frame minus its root, metres, or another
      ``unit``. The protocol of MixSTE and of everything evaluated with VideoPose3D's
      files.
    - ``'image'``: the 2.5D pose, pixels and root-relative depth scaled to pixels,
      normalised like the input, minus its root. The protocol of MotionBERT, which is
      scored after multiplying by ``factor`` (metres a pixel at the root's depth). It is
      a weak-perspective target: its millimetres differ from those of the camera frame.

    On MPI-INF-3DHP, MotionAGFormer and its followers learn in units of 1.024 m: they
    normalise millimetres as if they were pixels of the 2048 px wide training images.
    At test they undo it with the width of the image at hand, which shrinks the poses of
    TS5 and TS6, 1920 px wide, by 6.25 %. ``denormalization='legacy'`` does as they do;
    ``'train_unit'`` multiplies by the unit of training everywhere.

    Args:
        target: ``'camera'`` or ``'image'``.
        confidence: Append the keypoints' confidence as third input channel.
        num_keypoints: Joints K.
        root_index: The root joint.
        unit: Metres of one unit of a camera target.
        denormalization: ``'train_unit'`` or ``'legacy'``; the latter needs a camera
            target in units of 1.024 m.

    Raises:
        ValueError: If an option is unknown or does not fit another, or, in ``encode``,
            if joints do not fit or the image size is missing.
    """

    auxiliary_encode_keys = {
        'lifting_target',
        'lifting_target_visible',
        'camera_param',
        'factor',
    }

    def __init__(
        self,
        target: Target = 'camera',
        confidence: bool = True,
        *,
        num_keypoints: int = 17,
        root_index: int = 0,
        unit: float = 1.0,
        denormalization: Denormalization = 'train_unit',
    ) -> None:
        super().__init__()
        if target not in get_args(Target):
            raise ValueError(f"target must be 'camera' or 'image', got {target!r}")
        if unit <= 0 or (target == 'image' and unit != 1):
            raise ValueError(
                'unit must be above 0, and 1 for the image target, whose unit is half '
                f'the image width; got {unit!r} for target={target!r}'
            )
        if denormalization not in get_args(Denormalization):
            raise ValueError(
                "denormalization must be 'train_unit' or 'legacy', got "
                f'{denormalization!r}'
            )
        if denormalization == 'legacy' and (target, unit) != ('camera', LEGACY_UNIT):
            raise ValueError(
                "denormalization='legacy' undoes labels of target='camera' and "
                f'unit={LEGACY_UNIT}, got target={target!r} and unit={unit!r}'
            )
        self.target = target
        self.confidence = confidence
        self.num_keypoints = num_keypoints
        self.root_index = root_index
        self.unit = unit
        self.denormalization = denormalization

    @property
    def protocol(self) -> dict[str, Any]:
        """How outputs become metres, as results shall tell it."""
        protocol: dict[str, Any] = {'target': self.target}
        if self.target == 'camera':
            protocol['unit_m'] = self.unit
            protocol['denormalization'] = self.denormalization
        return protocol

    def encode(
        self,
        keypoints: np.ndarray,
        keypoints_visible: np.ndarray | None = None,
        lifting_target: np.ndarray | None = None,
        lifting_target_visible: np.ndarray | None = None,
        camera_param: dict[str, Any] | None = None,
        factor: np.ndarray | None = None,
    ) -> dict[str, np.ndarray]:
        """Encode one window.

        Args:
            keypoints: Pixels, ``(T, K, 2)``.
            keypoints_visible: Confidence, ``(T, K)``; 1 where absent.
            lifting_target: ``(T, K, 3)``: metres in the camera frame, or 2.5D pixels.
                MMPose's inference gives that of one frame alone, ``(1, K, 3)``: of the
                middle one, as it takes the window around the frame that it wants.
            lifting_target_visible: 1 for joints that count, ``(T, K)``.
            camera_param: Must hold the image size ``w``, ``h``.
            factor: Metres a pixel, ``(T,)``.

        Returns:
            ``keypoint_labels`` ``(T, K, 2 or 3)``; ``lifting_target_label`` and
            ``lifting_target_metric`` (metres) ``(T, K, 3)``, both relative to the root;
            ``lifting_target_weight`` ``(T, K)``; ``root_image`` ``(T, 2)`` pixels, for
            the image target; ``factor`` ``(T,)``. All but the first have as many frames
            as the target. Without a target the first and the weight are all there is.
        """
        width, height = self._image_size(camera_param)
        if keypoints.shape[-2:] != (self.num_keypoints, 2):
            raise ValueError(
                f'expected keypoints of shape (T, {self.num_keypoints}, 2), got '
                f'{keypoints.shape}: convert the joints first, see docs/conventions.md'
            )
        num_frames = len(keypoints)
        encoded = {
            'keypoint_labels': self._normalise_2d(
                keypoints, keypoints_visible, width, height
            )
        }
        if lifting_target is None:
            if lifting_target_visible is not None:
                encoded['lifting_target_weight'] = lifting_target_visible
            return encoded
        root = lifting_target[:, self.root_index, None]
        relative = _minus_root(lifting_target, self.root_index)
        factor = (
            np.zeros(num_frames, np.float32) if factor is None else np.ravel(factor)
        )
        factor = factor[: len(relative)]
        encoded['factor'] = factor
        if self.target == 'image':
            encoded['root_image'] = root[:, 0, :2]
            encoded['lifting_target_label'] = relative * np.float32(2 / width)
            encoded['lifting_target_metric'] = relative * factor[:, None, None]
        else:
            encoded['lifting_target_label'] = relative
            if self.unit != 1:
                encoded['lifting_target_label'] = relative * np.float32(1 / self.unit)
            encoded['lifting_target_metric'] = relative
        if lifting_target_visible is None:
            lifting_target_visible = np.ones(relative.shape[:2], np.float32)
        encoded['lifting_target_weight'] = lifting_target_visible.reshape(
            relative.shape[:2]
        )
        return encoded

    def decode(self, encoded: Tensor, width: Tensor, factor: Tensor) -> Tensor:
        """Turn outputs into root-relative metres, a batch at a time.

        Args:
            encoded: Outputs, ``(B, T, K, 3)``.
            width: Image widths in pixels, ``(B,)``.
            factor: Metres a pixel of the frames that are wanted: of all, ``(B, T)``, or
                of the middle one alone, ``(B, 1)``. Where it is unknown (0 or NaN),
                ``NOMINAL_FACTOR`` stands in.

        Returns:
            Poses ``(B, T, K, 3)``, or ``(B, 1, K, 3)`` of the middle frame; the root is
            at the origin.

        Raises:
            ValueError: If there are factors of another number of frames.
        """
        encoded = _wanted_frames(encoded, factor.shape[1])
        encoded = encoded * self._metres(width, factor)[..., None, None]
        root = slice(self.root_index, self.root_index + 1)
        return encoded - encoded[..., root, :]

    def _metres(self, width: Tensor, factor: Tensor) -> Tensor:
        """Metres of one unit of the outputs, ``(B, T)`` or ``(B, 1)``."""
        half_width = 0.5 * width[:, None]
        if self.target == 'image':
            return half_width * torch.where(factor > 0, factor, NOMINAL_FACTOR)
        if self.denormalization == 'legacy':
            return half_width / 1000
        return torch.full_like(half_width, self.unit)

    @staticmethod
    def _image_size(camera_param: dict[str, Any] | None) -> tuple[float, float]:
        if not camera_param or 'w' not in camera_param or 'h' not in camera_param:
            raise ValueError(
                'the image size is needed to normalise keypoints: give camera_param '
                "with 'w' and 'h' (image_size of MMPose's inference functions)"
            )
        return float(camera_param['w']), float(camera_param['h'])

    def _normalise_2d(
        self,
        keypoints: np.ndarray,
        confidence: np.ndarray | None,
        width: float,
        height: float,
    ) -> np.ndarray:
        inputs = np.ones(
            (*keypoints.shape[:2], 3 if self.confidence else 2), np.float32
        )
        # One channel at a time: NumPy is several times slower where the innermost
        # axis has two or three elements.
        for channel, shift in enumerate((1, height / width)):
            inputs[..., channel] = keypoints[..., channel] * np.float32(2 / width)
            inputs[..., channel] -= np.float32(shift)
        if self.confidence and confidence is not None:
            inputs[..., 2] = confidence
        return inputs


def _wanted_frames(poses: Tensor, count: int) -> Tensor:
    """All T frames of poses ``(B, T, K, 3)``, or the middle one if ``count`` is 1."""
    num_frames = poses.shape[1]
    if count not in (1, num_frames):
        raise ValueError(
            f'factors of {count} frames do not fit poses of {num_frames}; expected as '
            'many, or one for the middle frame alone'
        )
    return poses if count == num_frames else poses[:, num_frames // 2, None]


def _minus_root(pose: np.ndarray, root_index: int) -> np.ndarray:
    """Root-relative pose ``(T, K, D)``, one channel at a time for speed."""
    relative = np.empty_like(pose)
    for channel in range(pose.shape[-1]):
        root = pose[:, root_index, None, channel]
        np.subtract(pose[..., channel], root, out=relative[..., channel])
    return relative
