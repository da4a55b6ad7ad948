"""How people look: colours of their clothes, to know them again.

A person is described by histograms of lightness and of the two colour axes of CIE Lab,
for the trunk and for the legs. Pixels are taken between the keypoints rather than from
the whole box, so that the background stays out. Two descriptions are compared by the
Bhattacharyya coefficient, as in Comaniciu, Ramesh and Meer, Kernel-Based Object
Tracking (TPAMI 2003).
"""

from __future__ import annotations

import cv2
import numpy as np

from mmpose_ext.geometry.skeletons import H36M17

_AXES = ((0.0, 256.0, 8), (64.0, 192.0, 12), (64.0, 192.0, 12))
"""Lowest and highest value and number of bins of L, a and b, in OpenCV's 8 bits."""

_BINS = sum(bins for _, _, bins in _AXES)

LENGTH = 2 * _BINS
"""Numbers of a description: trunk, legs."""

LEAST_SCORE = 0.2
"""Keypoints with a lower score do not say where clothes are."""


def colour_histograms(
    image: np.ndarray, keypoints: np.ndarray, scores: np.ndarray
) -> np.ndarray:
    """Describe the clothes of the people in an image.

    Args:
        image: ``(H, W, 3)``, BGR, uint8.
        keypoints: Joints of Human3.6M, pixels, ``(P, 17, 2)``.
        scores: Of the keypoints, ``(P, 17)``.

    Returns:
        Histograms ``(P, LENGTH)``, float32. Each of the six (three axes of two parts)
        sums to 1, or is 0 where the part is not known: a corner of it has a low score,
        or it lies outside the image.
    """
    parts = [
        _part_histograms(image, weights @ keypoints, scores[:, joints].min(axis=1))
        for weights, joints in ((_TRUNK, _TRUNK_JOINTS), (_LEGS, _LEG_JOINTS))
    ]
    return np.concatenate(parts, axis=1)


def colour_similarity(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """How alike descriptions are.

    Args:
        a: Histograms ``(N, LENGTH)``; means of several work as well.
        b: Histograms ``(M, LENGTH)``.

    Returns:
        The mean Bhattacharyya coefficient of the parts that both know, from 0 to 1,
        ``(N, M)``; NaN where there is no such part.
    """
    parts = [
        np.sqrt(x).reshape(len(x), 2, _BINS).transpose(1, 0, 2) / np.sqrt(len(_AXES))
        for x in (a, b)
    ]
    alike = parts[0] @ parts[1].transpose(0, 2, 1)
    known = _known_parts(a).T[:, :, None] & _known_parts(b).T[:, None]
    number = known.sum(axis=0)
    total = np.where(known, alike, 0).sum(axis=0)
    return np.where(number > 0, total / np.maximum(number, 1), np.nan)


def _known_parts(histograms: np.ndarray) -> np.ndarray:
    """``(N, 2)``, bool."""
    return np.asarray(histograms.reshape(len(histograms), 2, _BINS).any(axis=-1))


def _part_histograms(
    image: np.ndarray, points: np.ndarray, scores: np.ndarray
) -> np.ndarray:
    """Histograms ``(P, _BINS)`` of the pixels at points ``(P, S, 2)``."""
    height, width = image.shape[:2]
    # What has no finite pixel becomes a pixel outside.
    pixels = np.nan_to_num(np.floor(points), nan=-1, posinf=-1, neginf=-1)
    inside = ((pixels >= 0) & (pixels < (width, height))).all(axis=-1)
    columns, rows = (
        np.where(inside[..., None], pixels, 0).astype(int).transpose(2, 0, 1)
    )
    colours = image[rows, columns]
    if not colours.size:
        return np.zeros((len(points), _BINS), np.float32)
    lab = cv2.cvtColor(np.ascontiguousarray(colours), cv2.COLOR_BGR2LAB)
    histograms = [
        _soft_histogram(lab[..., axis].astype(np.float32), inside, *_AXES[axis])
        for axis in range(len(_AXES))
    ]
    usable = (inside.mean(axis=1) >= 0.5) & (scores >= LEAST_SCORE)
    return np.concatenate(histograms, axis=1) * usable[:, None]


def _soft_histogram(
    values: np.ndarray, counted: np.ndarray, low: float, high: float, bins: int
) -> np.ndarray:
    """Histogram ``(P, bins)`` of ``(P, S)``; a value is shared by the nearest two bins.

    Sharing keeps a small change of light from moving all values to another bin.
    """
    place = np.clip((values - low) / (high - low) * bins - 0.5, 0, bins - 1)
    distance = np.abs(place[..., None] - np.arange(bins, dtype=np.float32))
    share = np.clip(1 - distance, 0, None) * counted[..., None]
    total = share.sum(axis=1)
    return total / np.maximum(total.sum(axis=-1, keepdims=True), 1e-6)


def _inside(corners: tuple[str, str, str, str], side: int = 8) -> np.ndarray:
    """Weights ``(side ** 2, 17)`` of the joints for points in a quadrilateral."""
    places = (np.arange(side, dtype=np.float32) + 0.5) / side
    down, across = (x.ravel() for x in np.meshgrid(places, places, indexing='ij'))
    shares = (
        *((1 - down) * (1 - across), (1 - down) * across),
        *(down * (1 - across), down * across),
    )
    weights = np.zeros((side**2, H36M17.num_joints), np.float32)
    for corner, share in zip(corners, shares, strict=True):
        weights[:, H36M17.joint_names.index(corner)] += share
    return weights


def _joints(*names: str) -> list[int]:
    return [H36M17.joint_names.index(name) for name in names]


_TRUNK_NAMES = ('left_shoulder', 'right_shoulder', 'left_hip', 'right_hip')
_TRUNK, _TRUNK_JOINTS = _inside(_TRUNK_NAMES), _joints(*_TRUNK_NAMES)
# Thighs, as lines: what is beside them is often the background. Shins are often bare.
_LEGS = np.concatenate(
    [
        _inside((f'{side}_hip',) * 2 + (f'{side}_knee',) * 2)
        for side in ('left', 'right')
    ]
)
_LEG_JOINTS = _joints('left_hip', 'right_hip', 'left_knee', 'right_knee')
