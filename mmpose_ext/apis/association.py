"""How well people of two frames fit each other, as pure functions of arrays."""

from __future__ import annotations

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.sparse import csr_array
from scipy.sparse.csgraph import min_weight_full_bipartite_matching

from mmpose_ext.geometry.skeletons import H36M17

_SIGMAS = {
    **{'root': 0.107, 'hip': 0.107, 'knee': 0.087, 'foot': 0.089, 'spine': 0.107},
    **{'thorax': 0.079, 'neck_base': 0.079, 'head': 0.079, 'shoulder': 0.079},
    **{'elbow': 0.072, 'wrist': 0.062},
}

OKS_SIGMAS = np.array(
    [
        _SIGMAS[name.replace('left_', '').replace('right_', '')]
        for name in H36M17.joint_names
    ],
    dtype=np.float32,
)
"""Spread of each joint as a share of the person's size, ``(17,)``: COCO's where COCO
has the joint, the neighbours' elsewhere."""


_NO_PARTNER = 1e-6


def box_iou(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Intersection over union of boxes.

    Args:
        a: ``x1, y1, x2, y2``, pixels, ``(N, 4)``.
        b: Alike, ``(M, 4)``.

    Returns:
        ``(N, M)``, from 0 to 1.
    """
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    common = np.clip(high - low, 0, None).prod(axis=-1)
    union = box_area(a)[:, None] + box_area(b)[None] - common
    return common / np.maximum(union, 1e-9)


def box_area(boxes: np.ndarray) -> np.ndarray:
    """Areas ``(N,)`` of boxes ``(N, 4)``, square pixels; 0 for inverted ones."""
    return np.clip(boxes[:, 2:] - boxes[:, :2], 0, None).prod(axis=-1)


def keypoint_similarity(
    a: np.ndarray,
    b: np.ndarray,
    areas: np.ndarray,
    scores_a: np.ndarray,
    scores_b: np.ndarray,
) -> np.ndarray:
    """Object keypoint similarity (OKS) of poses, joints weighted by their scores.

    COCO counts the joints that are labelled as visible; here a joint counts by the
    product of its two scores.

    Args:
        a: Pixels ``(N, 17, 2)``.
        b: Pixels ``(M, 17, 2)``.
        areas: Square pixels of the people of ``b``, ``(M,)``.
        scores_a: From 0 to 1, ``(N, 17)``.
        scores_b: From 0 to 1, ``(M, 17)``.

    Returns:
        ``(N, M)``, from 0 to 1.
    """
    squared = np.square(a[:, None] - b[None]).sum(axis=-1)
    # COCO takes about half of the box as the person's area.
    scale = 2 * np.square(2 * OKS_SIGMAS) * 0.53 * np.maximum(areas, 1)[None, :, None]
    weights = scores_a[:, None] * scores_b[None]
    near = np.exp(-squared / scale) * weights
    return near.sum(axis=-1) / np.maximum(weights.sum(axis=-1), 1e-9)


def joint_confidence(scores_a: np.ndarray, scores_b: np.ndarray) -> np.ndarray:
    """How much the keypoints of two people can be relied on.

    Args:
        scores_a: From 0 to 1, ``(N, 17)``.
        scores_b: From 0 to 1, ``(M, 17)``.

    Returns:
        ``(N, M)``: the root of the mean product of scores, from 0 to 1.
    """
    return np.sqrt(scores_a @ scores_b.T / scores_a.shape[-1])


def assign(affinity: np.ndarray, least: float) -> tuple[np.ndarray, np.ndarray]:
    """Pair rows and columns so that the sum over all pairs is greatest.

    Args:
        affinity: ``(N, M)``; NaN or minus infinity where a pair cannot be.
        least: Pairs below do not count.

    Returns:
        Rows and columns of the pairs, both ``(n,)``.
    """
    gain = np.clip(np.nan_to_num(affinity - least, nan=0, neginf=0), 0, None)
    rows, columns = linear_sum_assignment(gain, maximize=True)
    paired = gain[rows, columns] > 0
    return rows[paired], columns[paired]


def assign_pairs(
    rows: np.ndarray, columns: np.ndarray, gains: np.ndarray, number: int
) -> np.ndarray:
    """As :func:`assign`, where few of all pairs of the same n things can be.

    Memory grows with the number of pairs.

    Args:
        rows: Of the pairs that can be, below n, ``(p,)``.
        columns: Alike; no pair occurs twice.
        gains: What each pair counts, more than 0, ``(p,)``.
        number: n.

    Returns:
        Which pairs are chosen, sorted indices ``(q,)``.
    """
    # A matching must give every row a column: one of its own, which counts nearly 0.
    everybody = np.arange(number)
    weights = np.concatenate([gains, np.full(number, _NO_PARTNER)])
    graph = csr_array(
        (
            weights,
            (
                np.concatenate([rows, everybody]),
                np.concatenate([columns, number + everybody]),
            ),
        ),
        shape=(number, 2 * number),
    )
    _, partner = min_weight_full_bipartite_matching(graph, maximize=True)
    return np.flatnonzero(partner[rows] == columns)
