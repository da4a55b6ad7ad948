"""Rotations as three angles that do not jump from frame to frame."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

_AXES = 'XYZ'
ORDERS: tuple[str, ...] = ('XYZ', 'YZX', 'ZXY')
"""Orders of axes that are understood: ``'ZXY'`` is ``R = R_z R_x R_y``."""

_LOCKED = 1e-6


def euler_to_rotmat(angles: np.ndarray, order: str) -> np.ndarray:
    """Rotation of three angles about the axes of the turned body, one after another.

    Args:
        angles: Degrees ``(..., 3)``, in the order of the axes.
        order: One of :data:`ORDERS`.

    Returns:
        Rotations ``(..., 3, 3)``.

    Raises:
        ValueError: If the order is unknown.
    """
    axes = _axes(order)
    rotation = np.broadcast_to(np.eye(3), (*angles.shape[:-1], 3, 3))
    for axis, angle in zip(axes, np.moveaxis(np.radians(angles), -1, 0), strict=True):
        one = np.zeros((*angle.shape, 3, 3))
        before, after = (axis + 1) % 3, (axis + 2) % 3
        one[..., axis, axis] = 1
        one[..., before, before] = one[..., after, after] = np.cos(angle)
        one[..., after, before] = np.sin(angle)
        one[..., before, after] = -np.sin(angle)
        rotation = rotation @ one
    return rotation


def continuous_euler(
    rotations: np.ndarray, orders: Sequence[str], previous: np.ndarray | None = None
) -> np.ndarray:
    """Angles of some joints' rotations, each nearest to those of the frame before.

    Every rotation has two triples of angles, and turns of 360 degrees may be added to
    each angle; of these the nearest is taken. Where the middle angle is 90 degrees, the
    first and the third turn about one axis: the first then stays as it was.

    Args:
        rotations: Of F frames and N joints, ``(F, N, 3, 3)``.
        orders: Order of axes of each joint, each one of :data:`ORDERS`.
        previous: Angles of the frame before the first, ``(N, 3)``, degrees; 0 if there
            is none.

    Returns:
        Angles in degrees, in the order of the joint's axes, ``(F, N, 3)``.

    Raises:
        ValueError: If an order is unknown or the shapes do not fit.
    """
    if rotations.ndim != 4 or rotations.shape[1:] != (len(orders), 3, 3):
        raise ValueError(
            f'rotations have shape {rotations.shape}; expected (F, {len(orders)}, 3, '
            '3), one row for each order'
        )
    first, middle, third = np.array([_axes(order) for order in orders]).T
    joints = np.arange(len(orders))
    entry = {
        (row, column): rotations[:, joints, i, j]
        for row, i in enumerate((first, middle, third))
        for column, j in enumerate((first, middle, third))
    }
    tilt = np.arcsin(np.clip(entry[0, 2], -1, 1))
    locked = np.hypot(entry[0, 0], entry[0, 1]) < _LOCKED
    plain = np.stack(
        [
            np.arctan2(-entry[1, 2], entry[2, 2]),
            tilt,
            np.arctan2(-entry[0, 1], entry[0, 0]),
        ],
        axis=-1,
    )
    other = plain * [1, -1, 1] + np.pi
    # Of a locked joint only the sum (or difference) of the two angles is known.
    together = np.arctan2(entry[1, 0], entry[1, 1])
    sign = np.sign(tilt)
    return np.degrees(
        _nearest_in_time(
            (plain, other),
            (locked, together, sign),
            np.zeros((len(orders), 3)) if previous is None else np.radians(previous),
        )
    )


def _nearest_in_time(
    triples: tuple[np.ndarray, np.ndarray],
    lock: tuple[np.ndarray, np.ndarray, np.ndarray],
    previous: np.ndarray,
) -> np.ndarray:
    locked, together, sign = lock
    chosen = np.empty_like(triples[0])
    for frame in range(len(chosen)):
        plain, other = (_nearest_turn(triple[frame], previous) for triple in triples)
        cost = [np.abs(triple - previous).sum(-1) for triple in (plain, other)]
        angles = np.where((cost[0] <= cost[1])[:, None], plain, other)
        if locked[frame].any():
            kept = angles.copy()
            kept[:, 0] = previous[:, 0]
            kept[:, 2] = together[frame] - sign[frame] * previous[:, 0]
            kept[:, 1] = sign[frame] * np.pi / 2
            kept = _nearest_turn(kept, previous)
            angles = np.where(locked[frame][:, None], kept, angles)
        chosen[frame] = previous = angles
    return chosen


def _nearest_turn(angles: np.ndarray, previous: np.ndarray) -> np.ndarray:
    turn = 2 * np.pi
    return angles - turn * np.round((angles - previous) / turn)


def _axes(order: str) -> tuple[int, ...]:
    if order not in ORDERS:
        raise ValueError(f'unknown order of axes {order!r}; known: {", ".join(ORDERS)}')
    return tuple(_AXES.index(axis) for axis in order)
