"""Keypoints of images in units of the image."""

from __future__ import annotations

from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform
from mmpose.registry import TRANSFORMS


@TRANSFORMS.register_module()
class NormalizeImageKeypoints(BaseTransform):
    """Bring keypoints from pixels to [-1, 1] by the width of the image.

    ``x / w * 2 - 1`` and ``y / w * 2 - h / w``, as lifters of VideoPose3D (Pavllo et
    al., CVPR 2019) take them: both axes keep their scale.

    Required Keys:

        - image_size ``(width, height)``, pixels

    Optional Keys:

        - the keypoints ``(..., 2)``, pixels; a sample of other sensors passes as it is

    Modified Keys:

        - the keypoints (a new array, float32)

    Args:
        key: Of the keypoints.

    Raises:
        ValueError: Later, if the size of the image is missing.
    """

    def __init__(self, key: str = 'rgb') -> None:
        self.key = key

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Normalise the keypoints of a sample.

        Args:
            results: The sample, keys as listed for the class.
        """
        if self.key not in results:
            return results
        if not results.get('image_size'):
            raise ValueError(
                'NormalizeImageKeypoints needs the image_size of the sequence; convert '
                'the data again'
            )
        width, height = results['image_size']
        centre = np.array([1, height / width], dtype=np.float32)
        results[self.key] = results[self.key] * np.float32(2 / width) - centre
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(key={self.key!r})'
