"""At most so many points of a cloud."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform
from mmpose.registry import TRANSFORMS

from mmpose_ext.datasets.mmfi_layout import POINT_MODALITIES


@TRANSFORMS.register_module()
class SubsamplePoints(BaseTransform):
    """Choose points of a cloud at random, the same ones whenever it is asked for.

    The choice depends on the seed, the name of the sequence and the number of the frame
    alone: it is the same in every epoch, worker, model and store. The points that stay
    keep their order; a cloud that is small enough stays whole.

    Required Keys:

        - sequence, frame_id

    Optional Keys:

        - the cloud ``(N, C)``; a sample of other sensors passes as it is

    Modified Keys:

        - the cloud (a new array ``(max_points, C)``)

    Args:
        key: ``'lidar'`` or ``'mmwave'``.
        max_points: Greatest number of points.
        seed: Of the choice.

    Raises:
        ValueError: If the key is no cloud, ``max_points`` is not positive or the seed
            is negative.
    """

    def __init__(self, key: str, max_points: int, *, seed: int = 0) -> None:
        if key not in POINT_MODALITIES:
            raise ValueError(f'key={key!r}; expected one of {list(POINT_MODALITIES)}')
        if max_points < 1 or seed < 0:
            raise ValueError(
                f'max_points={max_points}, seed={seed}; expected at least one point '
                'and a seed from 0 on'
            )
        self.key, self.max_points, self.seed = key, int(max_points), int(seed)

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Thin the cloud out.

        Args:
            results: The sample, keys as listed for the class.
        """
        points = results.get(self.key)
        if points is not None and len(points) > self.max_points:
            results[self.key] = points[self._choose(len(points), results)]
        return results

    def _choose(self, num_points: int, results: dict[str, Any]) -> np.ndarray:
        """Which points stay, ``(N,)`` bool."""
        place = f'{self.seed} {results["sequence"]} {results["frame_id"]}'
        draws = np.random.default_rng(zlib.crc32(place.encode())).random(num_points)
        chosen = np.zeros(num_points, dtype=bool)
        chosen[np.argpartition(draws, self.max_points)[: self.max_points]] = True
        return chosen

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}(key={self.key!r}, max_points={self.max_points}, '
            f'seed={self.seed})'
        )
