"""Cameras of a batch, in the units of normalised 2D keypoints."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mmpose_ext.geometry import pixels_to_rays


@dataclass(frozen=True)
class NormalizedCameras:
    """Intrinsics of each window's camera.

    2D is normalised by the image width, ``x / w * 2 - 1`` and ``y / w * 2 - h / w``, so
    focal lengths and principal points are too.

    Attributes:
        f: Focal lengths ``(B, 2)``.
        c: Principal points ``(B, 2)``.
        distortion: ``k1, k2, p1, p2, k3`` as ``(B, 5)``, or ``None`` if no lens of the
            batch distorts.
    """

    f: Tensor
    c: Tensor
    distortion: Tensor | None = None

    @classmethod
    def of_samples(cls, samples: list, device: torch.device) -> NormalizedCameras:
        """Read the meta information of a batch.

        Raises:
            ValueError: If a sample lacks image size, focal length or principal point.
        """
        rows = np.stack([_intrinsics(sample.metainfo) for sample in samples])
        moved = torch.from_numpy(rows).to(device, non_blocking=True)
        f, c, distortion = moved.split((2, 2, 5), dim=-1)
        return cls(f, c, distortion if rows[:, 4:].any() else None)

    def rays(self, keypoints: Tensor) -> Tensor:
        """Where keypoints look: ``(x / z, y / z)`` without distortion.

        Args:
            keypoints: Normalised 2D ``(B, T, K, 2)``.

        Returns:
            Rays ``(B, T, K, 2)``.
        """
        f, c, distortion = (
            part if part is None else part[:, None, None]
            for part in (self.f, self.c, self.distortion)
        )
        return pixels_to_rays(keypoints, f, c, distortion)


def _intrinsics(meta: dict[str, Any]) -> np.ndarray:
    """Focal length, principal point, distortion of one sample, ``(9,)``."""
    camera = meta.get('camera_param') or {}
    missing = [key for key in ('w', 'h', 'f', 'c') if key not in camera]
    if missing:
        raise ValueError(
            f'sample {meta.get("sample_name", "?")!r}: camera_param lacks {missing}; '
            'the projection needs image size and intrinsics: convert the data with '
            'known cameras, or give f and c of each sequence'
        )
    width, height = float(camera['w']), float(camera['h'])
    shift = np.array([1, height / width])
    f = 2 * np.ravel(camera['f']) / width
    c = 2 * np.ravel(camera['c']) / width - shift
    distortion = np.ravel(camera.get('distortion', np.zeros(5)))
    return np.concatenate([f, c, distortion]).astype(np.float32)
