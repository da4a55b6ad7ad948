"""Turn and zoom a person's box as the views of the two students are drawn."""

from __future__ import annotations

from typing import Any, Literal, get_args

import numpy as np
from mmcv.transforms import BaseTransform
from mmpose.registry import TRANSFORMS

Distribution = Literal['uniform', 'clipped_normal']


@TRANSFORMS.register_module()
class ViewBBoxTransform(BaseTransform):
    """Random rotation and scale of the box ("Affine 30" of the paper).

    Makes labelled crops, and the easy crop where the hard view is made from it. It
    stands between ``GetBBoxCenterScale`` and ``TopdownAffine``. There is no shift, and
    the distributions are those of ``SimilarityView`` on the device. MMPose's
    ``RandomBBoxTransform`` has neither of the two: it draws from a normal distribution
    that is cut off, without anything at its limits, and shifts the box.

    Required Keys:

        - bbox_scale ``(N, 2)`` pixels

    Modified Keys:

        - bbox_scale (a new array)

    Added Keys:

        - bbox_rotation ``(N,)`` degrees

    Args:
        rotation: Degrees: half the range of a uniform distribution, or the standard
            deviation of a normal one.
        scale: The same of the factor of the box, around 1. A larger box shows the
            person smaller.
        rotation_prob: Probability of any rotation.
        distribution: ``'uniform'`` in the range, as the paper has it, or
            ``'clipped_normal'``, as the released code has it: values beyond twice the
            rotation, or beyond the scale itself, are put at these limits.

    Raises:
        ValueError: If an option is out of range; later, if the box is missing.
    """

    def __init__(
        self,
        rotation: float = 30.0,
        scale: float = 0.25,
        *,
        rotation_prob: float = 1.0,
        distribution: Distribution = 'uniform',
    ) -> None:
        if distribution not in get_args(Distribution):
            raise ValueError(
                f'distribution={distribution!r}; expected one of '
                f'{get_args(Distribution)}'
            )
        if not rotation >= 0:
            raise ValueError(f'rotation={rotation}; expected degrees from 0 on')
        if not 0 <= scale < 1:
            raise ValueError(
                f'scale={scale}; expected at least 0 and below 1, since boxes are '
                'multiplied by factors from 1 - scale on'
            )
        if not 0 <= rotation_prob <= 1:
            raise ValueError(f'rotation_prob={rotation_prob}; expected 0 to 1')
        self.rotation, self.scale = float(rotation), float(scale)
        self.rotation_prob = float(rotation_prob)
        self.distribution = distribution

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Draw and apply.

        Args:
            results: The sample, keys as listed for the class.
        """
        if 'bbox_scale' not in results:
            raise ValueError(
                'ViewBBoxTransform needs bbox_scale; put '
                "dict(type='GetBBoxCenterScale') before it"
            )
        number = len(results['bbox_scale'])
        turned = np.random.random(number) < self.rotation_prob
        rotation = self._draw(number, self.rotation, limit=2 * self.rotation)
        zoom = 1 + self._draw(number, self.scale, limit=self.scale)
        results['bbox_rotation'] = np.where(turned, rotation, 0).astype(np.float32)
        factor = zoom[:, None].astype(np.float32)
        results['bbox_scale'] = results['bbox_scale'] * factor
        return results

    def _draw(self, number: int, spread: float, *, limit: float) -> np.ndarray:
        """Draws around 0 ``(number,)``; the limit is that of the normal ones."""
        if self.distribution == 'uniform':
            return np.random.uniform(-spread, spread, number)
        return np.clip(np.random.normal(0, spread, number), -limit, limit)

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}(rotation={self.rotation}, scale={self.scale}, '
            f'rotation_prob={self.rotation_prob}, '
            f'distribution={self.distribution!r})'
        )
