"""Joint Cutout for single labelled images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmpose.registry import TRANSFORMS

from mmpose_ext.geometry.rectangles import JointPatches, NumJoints


@TRANSFORMS.register_module()
class JointCutout(BaseTransform):
    """Cut out rectangles about some of the labelled joints.

    ``BatchJointCutout`` for labelled images: the same rectangles, about joints from the
    annotation. It stands after ``TopdownAffine``. Joints without a label are not drawn.

    Required Keys:

        - img ``(H, W, 3)``
        - transformed_keypoints ``(N, K, 2)``, pixels of ``img``
        - keypoints_visible ``(N, K)``

    Modified Keys:

        - img (a new array)

    Args:
        num_joints: How many joints, or the least and the greatest number.
        half_size: Half widths and half heights are drawn from the whole numbers from
            the first to the one before the second, pixels.
        jitter: Standard deviation of a rectangle's place about its joint, pixels.
        replace: Draw with replacement.
        fill: Colour in the order of the image's channels, or one grey value. The
            default is ImageNet's mean colour in the order of ``LoadImage``: blue,
            green, red.
        prob: Probability that anything is cut out.

    Raises:
        ValueError: If an option is out of range; later, if a required key is missing.
    """

    def __init__(
        self,
        num_joints: NumJoints = 5,
        half_size: Sequence[int] = (10, 20),
        jitter: float = 10.0,
        replace: bool = False,
        fill: float | Sequence[float] = (103.53, 116.28, 123.675),
        prob: float = 1.0,
    ) -> None:
        self.patches = JointPatches(
            num_joints, half_size, jitter, score_threshold=0.0, replace=replace
        )
        self.fill = np.asarray(fill, dtype=np.float64)
        if self.fill.shape not in ((), (3,)):
            raise ValueError(f'fill={fill!r}: expected one number or three')
        if not 0 <= prob <= 1:
            raise ValueError(f'prob={prob}: expected a number in [0, 1]')
        self.prob = prob

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Cut out.

        Args:
            results: The sample, keys as listed for the class.
        """
        joints = results.get('transformed_keypoints')
        if joints is None or np.ndim(joints) != 3:
            raise ValueError(
                'JointCutout needs labelled joints in transformed_keypoints; put it '
                'after TopdownAffine in the pipeline of labelled people'
            )
        # One number, drawn always: what follows stays reproducible by NumPy's seed.
        seed = np.random.randint(2**31)
        if np.random.rand() >= self.prob:
            return results
        visible = results['keypoints_visible']
        visible = visible[..., 0] if visible.ndim == 3 else visible
        rectangles = self.patches.draw(
            torch.as_tensor(joints[..., :2], dtype=torch.float32).reshape(1, -1, 2),
            torch.as_tensor(visible, dtype=torch.float32).reshape(1, -1),
            torch.Generator().manual_seed(seed),
        )
        image = results['img'].copy()
        height, width = image.shape[:2]
        mask = rectangles.union((width, height))[0, 0].numpy()
        colour = self.fill
        if np.issubdtype(image.dtype, np.integer):
            colour = colour.round()
        image[mask] = colour
        results['img'] = image
        return results

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}({self.patches}, fill={self.fill.tolist()}, '
            f'prob={self.prob})'
        )
