"""Farthest points and nearest neighbours of padded point clouds, a batch at a time.

Clouds of different sizes share a tensor; a mask says which points are real. All shapes
follow from the shapes of the inputs, so nothing waits for the device.
"""

from __future__ import annotations

import torch
from torch import Tensor

_TAKEN = -1.0  # below every distance, above that of padding


@torch.no_grad()
def farthest_point_sampling(points: Tensor, mask: Tensor, num_samples: int) -> Tensor:
    """Points that lie far apart: each is the farthest from those before it.

    The first is the point farthest from the mean of the cloud, where the public code
    draws one at random. The first n of the samples are what sampling n points gives.

    Args:
        points: Positions ``(B, N, 3)``; padding must be finite.
        mask: Which points are real ``(B, N)``.
        num_samples: Samples S.

    Returns:
        Indices ``(B, S)``. All real points come once before any comes again; a cloud
        without any gets indices of padding.

    Raises:
        ValueError: If there are no points to take from, or no samples to take.
    """
    if points.shape[1] < 1 or num_samples < 1:
        raise ValueError(
            'sampling takes at least one sample of at least one point, got '
            f'num_samples={num_samples} of points {tuple(points.shape)}'
        )
    points = _wide(points)
    # Coordinates first, so that the sum over them runs along the points.
    positions = (points - _mean(points, mask)).transpose(1, 2).contiguous()
    distance = torch.where(mask, torch.inf, -torch.inf).to(points.dtype)
    from_mean = torch.minimum(positions.square().sum(1), distance)
    last = from_mean.argmax(dim=1, keepdim=True)
    samples = [last]
    for _ in range(num_samples - 1):
        here = positions.gather(2, last[:, None].expand(-1, 3, -1))
        from_here = (positions - here).square().sum(1)
        distance = torch.minimum(distance, from_here).scatter(1, last, _TAKEN)
        last = distance.argmax(dim=1, keepdim=True)
        samples.append(last)
    return torch.cat(samples, dim=1)


@torch.no_grad()
def nearest_neighbours(
    query: Tensor, points: Tensor, mask: Tensor, num_neighbours: int
) -> Tensor:
    """The nearest points of each query, itself included if it is one of them.

    Args:
        query: Positions ``(B, Q, 3)``.
        points: Positions ``(B, N, 3)``; padding must be finite.
        mask: Which points are real ``(B, N)``.
        num_neighbours: Neighbours k; N if there are fewer points.

    Returns:
        Indices ``(B, Q, min(k, N))``, nearest first. Padding comes after all real
        points; ask the mask.
    """
    with torch.autocast(points.device.type, enabled=False):
        centre = _mean(_wide(points), mask)
        query, points = _wide(query) - centre, _wide(points) - centre
        squares = points.square().sum(-1).masked_fill(~mask, torch.inf)
        # |q|^2 is the same for all points and changes no order.
        distance = torch.baddbmm(
            squares[:, None], query, points.transpose(1, 2), alpha=-2
        )
    near = min(num_neighbours, points.shape[1])
    return distance.topk(near, dim=-1, largest=False).indices


def gather_points(values: Tensor, indices: Tensor) -> Tensor:
    """Rows of each cloud.

    Args:
        values: ``(B, N, ...)``.
        indices: ``(B, ...)`` into the second dimension of the values.

    Returns:
        ``(B, ..., ...)``: the shape of the indices, then that of a row.
    """
    batch, rows = values.shape[:2]
    first = torch.arange(batch, device=indices.device) * rows
    flat = (indices + first.view(-1, *[1] * (indices.dim() - 1))).flatten()
    return values.flatten(0, 1).index_select(0, flat).unflatten(0, indices.shape)


def _wide(points: Tensor) -> Tensor:
    """Half precision cannot tell points a centimetre apart 3 m away."""
    return points if points.dtype == torch.float64 else points.float()


def _mean(points: Tensor, mask: Tensor) -> Tensor:
    weight = mask[..., None].to(points.dtype)
    total = (points * weight).sum(1, keepdim=True)
    return total / weight.sum(1, keepdim=True).clamp(min=1)
