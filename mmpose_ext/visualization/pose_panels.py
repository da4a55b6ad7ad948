"""Small pictures of poses that are fast enough for video, drawn with OpenCV.

A panel is an image ``(H, W, 3)`` of bytes in BGR order, as OpenCV reads and writes. All
lines are drawn at twice the size and reduced, which smooths them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np

from mmpose_ext.geometry import H36M17, Skeleton

Colour = tuple[int, int, int]

_OVERSAMPLING = 2
_WHITE, _BLACK, _GREY = (255, 255, 255), (30, 30, 30), (170, 170, 170)
_FLOOR_LINE = (225, 225, 225)
_FLOOR_HALF_M, _FLOOR_STEP_M = 1.0, 0.5


class View(NamedTuple):
    """A fixed orthographic view of people who stand on a floor.

    Attributes:
        azimuth: Turn around the vertical axis in degrees; 0 looks along the optical
            axis, 90 from the person's side.
        elevation: Height of the eye in degrees.
        height: Height of what is in the middle over the floor, metres.
        half: Half the side of the visible square, metres.
    """

    azimuth: float
    elevation: float
    height: float
    half: float

    def project(self, points: np.ndarray, size: int) -> np.ndarray:
        """Pixels and distance of points.

        Args:
            points: Camera axes, the floor at y = 0, metres, ``(..., 3)``.
            size: Side of the panel in pixels.

        Returns:
            x, y in pixels and the distance along the line of sight in metres,
            ``(..., 3)``.
        """
        turn, tilt = np.radians([self.azimuth, self.elevation])
        x, y, z = np.moveaxis(points + np.array([0.0, self.height, 0.0]), -1, 0)
        side = x * np.cos(turn) + z * np.sin(turn)
        depth = z * np.cos(turn) - x * np.sin(turn)
        down = y * np.cos(tilt) - depth * np.sin(tilt)
        away = depth * np.cos(tilt) + y * np.sin(tilt)
        scale = size / (2 * self.half)
        return np.stack([size / 2 + scale * side, size / 2 + scale * down, away], -1)


def view_of(
    poses: np.ndarray, *, azimuth: float = 40.0, elevation: float = 12.0
) -> View:
    """A view in which all poses of a clip are visible, whichever way they turn.

    Args:
        poses: Camera axes, relative to the root, metres, ``(..., K, 3)``.
        azimuth: See :class:`View`.
        elevation: See :class:`View`.
    """
    tall = float(np.ptp(poses[..., 1], axis=-1).max())
    reach = float(np.linalg.norm(poses[..., [0, 2]], axis=-1).max())
    return View(azimuth, elevation, tall / 2, 1.15 * max(tall / 2, reach, 0.1))


def draw_pose_panel(
    pose: np.ndarray,
    view: View,
    size: int,
    *,
    skeleton: Skeleton = H36M17,
    truth: np.ndarray | None = None,
) -> np.ndarray:
    """Draw a 3D pose on a floor.

    A lifter does not know how high the root is, so the lowest joint is put on the
    floor.

    Args:
        pose: Camera axes, relative to the root, metres, ``(K, 3)``.
        view: From where.
        size: Side of the panel in pixels.
        skeleton: Bones and colours.
        truth: Another pose with the same root that is drawn below in grey.

    Returns:
        A panel ``(size, size, 3)``.
    """
    full = _OVERSAMPLING * size
    canvas = np.full((full, full, 3), 255, dtype=np.uint8)
    _draw_floor(canvas, view)
    root = np.array([0.0, -pose[:, 1].max(), 0.0])
    if truth is not None:
        _draw_bones(canvas, view.project(truth + root, full), skeleton, _GREY)
    _draw_bones(canvas, view.project(pose + root, full), skeleton)
    return _reduce(canvas)


def draw_keypoints_panel(
    keypoints: np.ndarray,
    crop: tuple[float, float, float],
    size: int,
    *,
    skeleton: Skeleton = H36M17,
    image: np.ndarray | None = None,
) -> np.ndarray:
    """Draw 2D keypoints, over an image if there is one.

    Args:
        keypoints: Pixels ``(K, 2)``.
        crop: Left, top and side of the visible square, pixels.
        size: Side of the panel in pixels.
        skeleton: Bones and colours.
        image: The frame ``(H, W, 3)``, BGR.

    Returns:
        A panel ``(size, size, 3)``.
    """
    full = _OVERSAMPLING * size
    left, top, side = crop
    scale = full / side
    canvas = np.full((full, full, 3), 255, dtype=np.uint8)
    if image is not None:
        move = np.array([[scale, 0, -scale * left], [0, scale, -scale * top]])
        cv2.warpAffine(
            image,
            move,
            (full, full),
            dst=canvas,
            flags=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_CONSTANT,
            borderValue=_WHITE,
        )
    pixels = (keypoints - [left, top]) * scale
    flat = np.concatenate([pixels, np.zeros_like(pixels[:, :1])], axis=-1)
    _draw_bones(canvas, flat, skeleton)
    return _reduce(canvas)


def crop_around(keypoints: np.ndarray) -> tuple[float, float, float]:
    """A square that holds a person in all frames of a clip, with a margin.

    Args:
        keypoints: Pixels ``(F, K, 2)``.

    Returns:
        Left, top and side in pixels.
    """
    low, high = keypoints.min(axis=(0, 1)), keypoints.max(axis=(0, 1))
    side = 1.15 * float((high - low).max())
    left, top = (low + high - side) / 2
    return float(left), float(top), side


def caption(panel: np.ndarray, text: str, *, heading: bool = False) -> np.ndarray:
    """Write into a panel, in place: a heading at its top, else a line at its bottom.

    Args:
        panel: The panel.
        text: ASCII text.
        heading: Whether it is a heading.

    Returns:
        The panel.
    """
    font, size = cv2.FONT_HERSHEY_SIMPLEX, 0.65 if heading else 0.5
    (width, height), below = cv2.getTextSize(text, font, size, 1)
    margin = 6
    bottom = height + margin if heading else len(panel) - margin - below
    box = panel[max(bottom - height - margin, 0) : bottom + below, : width + 2 * margin]
    box[:] = (0.25 * box + 0.75 * 255).astype(np.uint8)
    cv2.putText(panel, text, (margin, bottom), font, size, _BLACK, 1, cv2.LINE_AA)
    return panel


def tile(rows: Sequence[Sequence[np.ndarray]], *, gap: int = 4) -> np.ndarray:
    """Put panels of one size into a grid, with white gaps.

    Args:
        rows: Rows of the grid, equally long.
        gap: Pixels between panels.

    Returns:
        The picture, BGR.
    """
    panels = np.stack([np.stack(row) for row in rows])
    padding = ((0, 0), (0, 0), (0, gap), (0, gap), (0, 0))
    padded = np.pad(panels, padding, constant_values=255)
    height, width = padded.shape[2:4]
    grid = padded.swapaxes(1, 2)
    return grid.reshape(len(rows) * height, -1, 3)[: -gap or None, : -gap or None]


def _draw_bones(
    canvas: np.ndarray,
    points: np.ndarray,
    skeleton: Skeleton,
    colour: Colour | None = None,
) -> None:
    """Draw bones from far to near; ``points`` are x, y, distance ``(K, 3)``."""
    width = max(1, round(len(canvas) / 110))
    edges = sorted(skeleton.edges, key=lambda edge: -points[list(edge), 2].mean())
    places = np.rint(points[:, :2]).astype(int).tolist()
    for parent, child in edges:
        shade = colour or skeleton.joint_colours[child][::-1]
        cv2.line(canvas, places[parent], places[child], shade, width, cv2.LINE_AA)
    for place in places:
        cv2.circle(canvas, place, width, colour or _BLACK, -1, cv2.LINE_AA)


def _draw_floor(canvas: np.ndarray, view: View) -> None:
    half, size = _FLOOR_HALF_M, len(canvas)
    for offset in np.arange(-half, half + 1e-6, _FLOOR_STEP_M):
        for ends in (
            [[offset, 0, -half], [offset, 0, half]],
            [[-half, 0, offset], [half, 0, offset]],
        ):
            pixels = np.rint(view.project(np.array(ends), size)[:, :2]).astype(int)
            first, second = pixels.tolist()
            cv2.line(canvas, first, second, _FLOOR_LINE, 2, cv2.LINE_AA)


def _reduce(canvas: np.ndarray) -> np.ndarray:
    size = len(canvas) // _OVERSAMPLING
    return cv2.resize(canvas, (size, size), interpolation=cv2.INTER_AREA)
