"""Gaussian noise on 2D keypoints, the same for every model."""

from __future__ import annotations

import functools
import math
import zlib
from typing import Any, Literal, get_args

import numpy as np
from mmcv.transforms import BaseTransform
from mmpose.registry import TRANSFORMS

Unit = Literal['pixel', 'normalized']

_BLOCK_FRAMES = 64


@TRANSFORMS.register_module()
class JointNoise(BaseTransform):
    """Add zero-mean Gaussian noise to the 2D input (PrML, Fig. 5).

    It stands before the codec and measures how a trained lifter bears noise. The noise
    of a frame depends on the seed, the name of the sequence and the number of the frame
    alone: it is the same for every model, window length, worker and epoch, and grows
    in proportion to sigma. Training targets stay as they are.

    The paper does not name the unit of its sigma, so there are two.

    Required Keys:

        - keypoints ``(T, K, 2)`` pixels
        - sequence, frame_ids ``(T,)``
        - camera_param with the image width ``w``, for ``'normalized'``

    Modified Keys:

        - keypoints (a new array)

    Args:
        sigma: Standard deviation of each coordinate.
        unit: ``'pixel'``, or ``'normalized'``: of coordinates divided by half the image
            width, as networks see them, so ``sigma * w / 2`` pixels.
        seed: Seed of the noise.

    Raises:
        ValueError: If sigma is negative or not finite, the unit is unknown or the seed
            is negative; later, if a required key is missing.
    """

    def __init__(self, sigma: float, unit: Unit = 'pixel', *, seed: int = 0) -> None:
        if not (math.isfinite(sigma) and sigma >= 0):
            raise ValueError(
                f'sigma={sigma!r}; the standard deviation of noise is a number from 0 '
                'on (0 adds none)'
            )
        if unit not in get_args(Unit):
            raise ValueError(f'unit={unit!r}; expected one of {get_args(Unit)}')
        if seed < 0:
            raise ValueError(f'seed={seed}; expected a number from 0 on')
        self.sigma = float(sigma)
        self.unit = unit
        self.seed = int(seed)

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Add the noise to a window.

        Args:
            results: The sample, keys as listed for the class.
        """
        missing = [
            key for key in ('keypoints', 'sequence', 'frame_ids') if key not in results
        ]
        if missing:
            raise ValueError(
                f'JointNoise needs {missing}, which LiftingDataset gives; put it first '
                'in the pipeline, before the codec'
            )
        if not self.sigma:
            return results
        keypoints = results['keypoints']
        noise = frame_noise(
            self.seed, results['sequence'], results['frame_ids'], keypoints.shape[1:]
        )
        results['keypoints'] = keypoints + np.float32(self._sigma_px(results)) * noise
        return results

    def _sigma_px(self, results: dict[str, Any]) -> float:
        if self.unit == 'pixel':
            return self.sigma
        width = (results.get('camera_param') or {}).get('w')
        if not width:
            raise ValueError(
                "unit='normalized' needs the image width, camera_param['w']; use "
                "unit='pixel' for this data"
            )
        return self.sigma * float(width) / 2

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}(sigma={self.sigma}, unit={self.unit!r}, '
            f'seed={self.seed})'
        )


def frame_noise(
    seed: int, sequence: str, frame_ids: np.ndarray, shape: tuple[int, ...]
) -> np.ndarray:
    """Standard normal noise that belongs to frames, whatever window holds them.

    Args:
        seed: From 0 on.
        sequence: Name of the sequence.
        frame_ids: Frames inside the sequence, ``(T,)``.
        shape: Of the noise of one frame.

    Returns:
        Noise ``(T, *shape)``, float32.
    """
    blocks, inverse = np.unique(frame_ids // _BLOCK_FRAMES, return_inverse=True)
    drawn = [_noise_block(seed, sequence, int(block), tuple(shape)) for block in blocks]
    return np.stack(drawn)[inverse, frame_ids % _BLOCK_FRAMES]


@functools.lru_cache(maxsize=32)
def _noise_block(
    seed: int, sequence: str, block: int, shape: tuple[int, ...]
) -> np.ndarray:
    """Noise of some consecutive frames; neighbouring windows share it."""
    generator = np.random.default_rng([seed, zlib.crc32(sequence.encode()), block])
    return generator.standard_normal((_BLOCK_FRAMES, *shape), dtype=np.float32)
