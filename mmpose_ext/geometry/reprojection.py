"""Where a root-relative pose must stand to fit its image, and which pose fits best."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def solve_root(pose: Tensor, rays: Tensor, weight: Tensor | None = None) -> Tensor:
    """Find the root that makes a pose fit the rays of its joints best.

    With joints ``(X, Y, Z)`` relative to the root and rays ``(u, v)``, the root ``t``
    minimises ``sum_j w_j ([X + t_x - u (Z + t_z)]^2 + [Y + t_y - v (Z + t_z)]^2)``, the
    reprojection error with each joint's weighted by its squared depth. That is linear
    in ``t`` and is solved by elimination: about weighted means it leaves one equation
    for the depth, ``t_z sum w |ray'|^2 = -sum w ray' . a'`` with ``a = Z ray - (X, Y)``
    and a prime for what is relative to its mean. Means first also keeps single
    precision exact to micrometres, and nothing waits for the device.

    Args:
        pose: Poses ``(..., K, 3)``, relative to the wanted root, camera axes, metres.
        rays: ``(x / z, y / z)`` of the joints ``(..., K, 2)``, without distortion, see
            :func:`~mmpose_ext.geometry.cameras.pixels_to_rays`. Leading dimensions
            broadcast, for example ``(B, 1, T, K, 2)`` against hypotheses ``(B, H, T, K,
            3)``.
        weight: Weights of joints ``(..., K)``, 0 or more; the same for all if ``None``.

    Returns:
        Roots ``(..., 3)``, camera frame, metres; NaN or infinite where all rays with
        a weight are the same or no joint has one. A pose unlike the one in the image
        may get a root behind the camera.

    Raises:
        ValueError: If the shapes do not fit.
    """
    _check_joints(pose, rays)
    if weight is None:
        weight = torch.ones_like(rays[..., 0])
    elif weight.shape[-1:] != rays.shape[-2:-1]:
        raise ValueError(
            f'weight has shape {tuple(weight.shape)}, rays {tuple(rays.shape)}; '
            'expected (..., K) and (..., K, 2)'
        )
    dtype = torch.promote_types(pose.dtype, torch.float32)
    pose, rays, weight = pose.to(dtype), rays.to(dtype), weight.to(dtype)
    share = (weight / weight.sum(-1, keepdim=True))[..., None]

    offset = pose[..., 2:] * rays - pose[..., :2]
    mean_ray, mean_offset = ((share * x).sum(-2) for x in (rays, offset))
    ray_rest = rays - mean_ray[..., None, :]
    offset_rest = offset - mean_offset[..., None, :]
    spread = (share * ray_rest.square()).sum((-2, -1))
    depth = -(share * ray_rest * offset_rest).sum((-2, -1)) / spread
    in_plane = mean_offset + mean_ray * depth[..., None]
    return torch.cat([in_plane, depth[..., None]], dim=-1)


def reprojection_errors(pose: Tensor, root: Tensor, rays: Tensor, f: Any) -> Tensor:
    """Distance in the image between projected and seen joints.

    A joint that does not lie before the camera has no image; its error is infinite, so
    that :func:`choose_pose` and :func:`choose_joints` do not take it. (A pose turned
    inside out would otherwise fit from behind.)

    Args:
        pose: Poses ``(..., K, 3)``, relative to ``root``, camera axes, metres.
        root: Roots ``(..., 3)``, camera frame, metres.
        rays: Seen joints ``(..., K, 2)`` as ``(x / z, y / z)``, without distortion.
        f: Focal lengths in the unit of the wanted errors, pixels or normalised:
            ``(2,)``, or with leading dimensions that broadcast against those of
            ``pose``, ``(B, 1, 1, 1, 2)`` for hypotheses ``(B, H, T, K, 3)``.

    Returns:
        Errors ``(..., K)`` in the unit of ``f``; distortion does not enter.

    Raises:
        ValueError: If the shapes do not fit.
    """
    _check_joints(pose, rays)
    dtype = torch.promote_types(pose.dtype, torch.float32)
    pose, root, rays = pose.to(dtype), root.to(dtype), rays.to(dtype)
    focal = torch.as_tensor(f, dtype=dtype, device=pose.device)
    if root.shape[-1:] != (3,) or focal.shape[-1:] != (2,):
        raise ValueError(
            f'root has shape {tuple(root.shape)} and f {tuple(focal.shape)}; expected '
            '(..., 3) and (..., 2)'
        )
    absolute = pose + root[..., None, :]
    depth = absolute[..., 2:]
    miss = focal * (absolute[..., :2] / depth - rays)
    errors = torch.linalg.vector_norm(miss, dim=-1)
    return errors.masked_fill(depth[..., 0] <= 0, torch.inf)


def choose_pose(hypotheses: Tensor, errors: Tensor) -> tuple[Tensor, Tensor]:
    """Take in each frame the hypothesis whose projection is nearest as a whole.

    PoSynDA (Liu et al., ACM MM 2023), Eq. 4 and 5: the least L2 norm over all
    coordinates of all joints. Among equals the first is taken; an error that is NaN
    counts as infinite.

    Args:
        hypotheses: Poses ``(B, H, T, K, 3)``.
        errors: Reprojection errors ``(B, H, T, K)``; multiplied by the root of a
            joint's weight, if joints have weights.

    Returns:
        Poses ``(B, T, K, 3)`` and which hypotheses they are ``(B, T)``.

    Raises:
        ValueError: If the shapes do not fit.
    """
    _check_hypotheses(hypotheses, errors)
    index = _or_infinite(errors.square().sum(-1)).argmin(-2)
    chosen = torch.take_along_dim(hypotheses, index[..., None, :, None, None], dim=-4)
    return chosen.squeeze(-4), index


def choose_joints(hypotheses: Tensor, errors: Tensor) -> Tensor:
    """Take each joint from the hypothesis whose projection of it is nearest.

    JPMA of D3DP (Shan et al., ICCV 2023). Bones of the result may join two hypotheses.

    Args:
        hypotheses: Poses ``(B, H, T, K, 3)``.
        errors: Reprojection errors ``(B, H, T, K)``; NaN counts as infinite.

    Returns:
        Poses ``(B, T, K, 3)``.

    Raises:
        ValueError: If the shapes do not fit.
    """
    _check_hypotheses(hypotheses, errors)
    index = _or_infinite(errors).argmin(-3, keepdim=True)
    return torch.take_along_dim(hypotheses, index[..., None], dim=-4).squeeze(-4)


def _or_infinite(errors: Tensor) -> Tensor:
    return errors.masked_fill(errors.isnan(), torch.inf)


def _check_hypotheses(hypotheses: Tensor, errors: Tensor) -> None:
    if hypotheses.ndim < 4 or errors.shape != hypotheses.shape[:-1]:
        raise ValueError(
            f'hypotheses have shape {tuple(hypotheses.shape)} and errors '
            f'{tuple(errors.shape)}; expected (B, H, T, K, 3) and (B, H, T, K)'
        )
    if hypotheses.shape[-4] < 1:
        raise ValueError(
            'there is no hypothesis to choose from; expected H of 1 or more'
        )


def _check_joints(pose: Tensor, rays: Tensor) -> None:
    sizes = (pose.shape[-1:], rays.shape[-1:])
    if sizes != ((3,), (2,)) or pose.shape[-2:-1] != rays.shape[-2:-1]:
        raise ValueError(
            f'pose has shape {tuple(pose.shape)} and rays {tuple(rays.shape)}; '
            'expected (..., K, 3) and (..., K, 2)'
        )
