"""Points in space from their images in several calibrated cameras."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import Any, Generic

import numpy as np
import torch
from torch import Tensor

from mmpose_ext.geometry.cameras import (
    ArrayT,
    pixels_to_rays,
    project_to_pixels,
    world_to_camera,
)

_PARALLEL = 1e-12


@dataclass(frozen=True)
class Triangulation(Generic[ArrayT]):
    """What :func:`triangulate` found.

    Args:
        points: World points ``(..., K, 3)``, metres; NaN where not ``valid``.
        errors: Distance between seen and projected points ``(..., V, K)``, pixels;
            infinite in cameras that the point lies behind, NaN where there is no
            point or the view has no keypoint.
        used: Views that the point was computed from ``(..., V, K)``, bool.
        valid: Whether there is a point ``(..., K)``, bool: at least two views, whose
            rays are not parallel.
    """

    points: ArrayT
    errors: ArrayT
    used: ArrayT
    valid: ArrayT


def triangulate(
    keypoints: ArrayT,
    f: Any,
    c: Any,
    R: Any,  # noqa: N803
    t: Any,
    *,
    distortion: Any = None,
    weights: Any = None,
    max_error: float | None = None,
    refinements: int = 0,
) -> Triangulation[ArrayT]:
    """Find the points whose projections are nearest to the keypoints of V views.

    The linear method (Hartley and Zisserman, Multiple View Geometry, section 12.2, the
    inhomogeneous form, since no joint lies at infinity): keypoints are undistorted,
    each gives two equations in the point, and their weighted squares are minimised.
    That error is in pixels times depth, so far cameras count more than near ones; each
    refinement is a Gauss-Newton step on the error in (undistorted) pixels instead.

    With ``max_error``, the point is first computed from each pair of views, and the
    pair is taken on which most views agree: least sum over the views of the squared
    error, cut off at ``max_error``, not weighted, so that a detector that is sure of
    something wrong does not outvote the others. The views within ``max_error`` make the
    point. With two views, or where no two agree, all of them are used; ``errors`` tell.

    A keypoint that is NaN or infinite is one that a view does not have. Computed in
    double precision; nothing is looped over but pairs of views, and nothing waits for
    the device.

    Args:
        keypoints: Pixels ``(..., V, K, 2)``, NumPy or torch.
        f: Focal lengths ``(..., V, 2)``, pixels. Leading dimensions of all camera
            parameters broadcast against those of ``keypoints``.
        c: Principal points ``(..., V, 2)``, pixels.
        R: Rotations ``(..., V, 3, 3)``, world to camera.
        t: Translations ``(..., V, 3)``, metres, ``x_cam = R x_world + t``.
        distortion: ``k1, k2, p1, p2, k3`` as ``(..., V, 5)``, zeros for a camera
            without, or ``None``.
        weights: ``(..., V, K)``, for example a detector's scores; 0, less or NaN leaves
            a keypoint out. All the same if ``None``.
        max_error: Greatest error of views that agree, pixels; all views are used if
            ``None``.
        refinements: Number of Gauss-Newton steps.

    Returns:
        Points, errors and flags, of the kind, type (single precision at least) and
        device of ``keypoints``.

    Raises:
        ValueError: If a shape does not fit or an option is out of range.
    """
    if max_error is not None and not max_error > 0:
        raise ValueError(f'max_error={max_error}; expected pixels above 0, or None')
    if refinements < 0:
        raise ValueError(f'refinements={refinements}; expected 0 or more')
    views = _Views.of(keypoints, f, c, R, t, distortion, weights)
    used = views.weights > 0
    if max_error is not None:
        used = views.agreeing(max_error)
    weight = views.weights * used
    points, valid = views.solve(weight)
    for _ in range(refinements):
        points = views.refine(points, weight)
    points = points.masked_fill(~valid[..., None], torch.nan)
    errors = views.errors(points)
    used = used & valid[..., None, :]
    return Triangulation(
        points=_as_given(points, keypoints),
        errors=_as_given(errors, keypoints),
        used=_as_given(used, keypoints),
        valid=_as_given(valid, keypoints),
    )


@dataclass(frozen=True)
class _Views:
    """Keypoints ``(..., V, K, 2)`` and cameras that broadcast against them."""

    pixels: Tensor
    rays: Tensor
    weights: Tensor
    f: Tensor
    c: Tensor
    rotation: Tensor
    shift: Tensor
    distortion: Tensor | None

    @classmethod
    def of(
        cls,
        keypoints: Any,
        f: Any,
        c: Any,
        rotation: Any,
        shift: Any,
        distortion: Any,
        weights: Any,
    ) -> _Views:
        pixels = _double(keypoints)
        if pixels.ndim < 3 or pixels.shape[-1] != 2:
            raise ValueError(
                f'keypoints have shape {tuple(pixels.shape)}; expected (..., V, K, 2)'
            )
        num_views = pixels.shape[-3]

        def of_camera(value: Any, shape: tuple[int, ...], name: str) -> Tensor:
            value = _double(value, pixels.device)
            expected = (num_views, *shape)
            if tuple(value.shape[-len(expected) :]) != expected:
                raise ValueError(
                    f'{name} has shape {tuple(value.shape)}; keypoints '
                    f'{tuple(pixels.shape)} of {num_views} views need (..., '
                    f'{", ".join(map(str, expected))})'
                )
            return value.unsqueeze(-len(shape) - 1)

        focal, centre = of_camera(f, (2,), 'f'), of_camera(c, (2,), 'c')
        lens = None
        if distortion is not None:
            lens = of_camera(distortion, (5,), 'distortion')
        rays = pixels_to_rays(pixels, focal, centre, lens)
        seen = rays.isfinite().all(-1)
        if weights is None:
            weight = torch.ones_like(rays[..., 0])
        else:
            weight = _double(weights, pixels.device)
            if weight.shape != pixels.shape[:-1]:
                raise ValueError(
                    f'weights have shape {tuple(weight.shape)}; keypoints '
                    f'{tuple(pixels.shape)} need {tuple(pixels.shape[:-1])}'
                )
        seen = seen & (weight > 0)
        return cls(
            pixels=pixels,
            rays=rays.masked_fill(~seen[..., None], 0),
            weights=weight.masked_fill(~seen, 0),
            f=focal,
            c=centre,
            rotation=of_camera(rotation, (3, 3), 'R'),
            shift=of_camera(shift, (3,), 't'),
            distortion=lens,
        )

    def solve(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        """Points ``(..., K, 3)`` of the linear method, and which are determined."""
        rows = self._rows(self.rays)
        known = self.f * (self.shift[..., :2] - self.rays * self.shift[..., 2:])
        points, determined = _least_squares(rows, known, weight)
        return points, determined & ((weight > 0).sum(-2) >= 2)

    def refine(self, points: Tensor, weight: Tensor) -> Tensor:
        """A Gauss-Newton step on the error in undistorted pixels."""
        seen = world_to_camera(points[..., None, :, :], self.rotation, self.shift)
        depth = seen[..., 2:]
        projected = seen[..., :2] / depth
        rows = -self._rows(projected) / depth[..., None]
        step, _ = _least_squares(rows, self.f * (self.rays - projected), weight)
        return points + step

    def errors(self, points: Tensor) -> Tensor:
        """Distance between keypoints and projections ``(..., V, K)``, pixels."""
        seen = world_to_camera(points[..., None, :, :], self.rotation, self.shift)
        projected = project_to_pixels(seen, self.f, self.c, self.distortion)
        errors = torch.linalg.vector_norm(projected - self.pixels, dim=-1)
        absent = ~self.pixels.isfinite().all(-1)
        errors = errors.masked_fill(seen[..., 2] <= 0, torch.inf)
        return errors.masked_fill(absent, torch.nan)

    def agreeing(self, max_error: float) -> Tensor:
        """The views ``(..., V, K)`` on which the best pair of views agrees."""
        best_used = self.weights > 0
        best_cost = torch.full_like(self.weights[..., 0, :], torch.inf)
        for pair in combinations(range(self.weights.shape[-2]), 2):
            weight = torch.zeros_like(self.weights)
            weight[..., pair, :] = self.weights[..., pair, :]
            points, valid = self.solve(weight)
            errors = self.errors(points)
            within = (errors <= max_error) & (self.weights > 0)
            cut_off = errors.nan_to_num(max_error).clamp(max=max_error).square()
            cost = torch.where(self.weights > 0, cut_off, 0.0).sum(-2)
            agree = valid & within[..., pair, :].all(-2)
            better = agree & (cost < best_cost)
            best_cost = torch.where(better, cost, best_cost)
            best_used = torch.where(better[..., None, :], within, best_used)
        return best_used

    def _rows(self, rays: Tensor) -> Tensor:
        """Focal length times ``ray * r_3 - r_xy``, ``(..., V, K, 2, 3)``."""
        towards, across = self.rotation[..., 2:, :], self.rotation[..., :2, :]
        return self.f[..., None] * (rays[..., None] * towards - across)


def _least_squares(
    rows: Tensor, known: Tensor, weight: Tensor
) -> tuple[Tensor, Tensor]:
    """Minimise ``sum over views of weight * |rows x - known|^2`` in x.

    Args:
        rows: ``(..., V, K, 2, 3)``.
        known: ``(..., V, K, 2)``.
        weight: ``(..., V, K)``.

    Returns:
        Solutions ``(..., K, 3)`` and whether there is only one ``(..., K)``.
    """
    weighted = weight[..., None, None] * rows
    matrix = (weighted[..., :, None] * rows[..., None, :]).sum((-5, -3))
    right = (weighted * known[..., None]).sum((-4, -2))
    # The inverse in closed form: no exception to wait for where there is none.
    first, second, third = matrix.unbind(-2)
    cofactors = torch.stack(
        [
            torch.linalg.cross(second, third),
            torch.linalg.cross(third, first),
            torch.linalg.cross(first, second),
        ],
        dim=-1,
    )
    determinant = (first * cofactors[..., 0]).sum(-1)
    size = matrix.diagonal(dim1=-2, dim2=-1).sum(-1)
    determined = determinant > _PARALLEL * size**3
    determinant = determinant.masked_fill(~determined, 1)
    solution = (cofactors @ right[..., None])[..., 0] / determinant[..., None]
    return solution, determined


def _double(value: Any, device: torch.device | None = None) -> Tensor:
    if not isinstance(value, Tensor):
        value = torch.from_numpy(np.array(value, dtype=np.float64))
    return value.to(device=device, dtype=torch.float64)


def _as_given(value: Tensor, given: ArrayT) -> ArrayT:
    """``value`` as the kind and, unless it is a flag, the type of ``given``."""
    flag = value.dtype == torch.bool
    if isinstance(given, Tensor):
        single_at_least = torch.promote_types(given.dtype, torch.float32)
        return value if flag else value.to(single_at_least)
    array = value.numpy()
    return array if flag else array.astype(np.result_type(given.dtype, np.float32))
