"""Whether people keep their numbers: IDF1 and identity switches of tracking."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.optimize import linear_sum_assignment


class IdentityScores(NamedTuple):
    """How well numbers of people agree with the truth.

    Attributes:
        idf1: Share of detections whose number is right: ``2 IDTP / (truth + pred)``.
        precision: ``IDTP / pred``.
        recall: ``IDTP / truth``.
        switches: How often a true person goes on under another number.
    """

    idf1: float
    precision: float
    recall: float
    switches: int


def identity_scores(
    true_ids: Sequence[np.ndarray],
    pred_ids: Sequence[np.ndarray],
    similarity: Sequence[np.ndarray],
    *,
    threshold: float = 0.5,
) -> IdentityScores:
    """Score the numbers of tracked people over a whole clip.

    IDF1 (Ristani et al., Performance Measures and a Data Set for Multi-Target,
    Multi-Camera Tracking, ECCV workshops 2016): true and predicted people are paired
    once for the whole clip, such that as many detections as possible are right (IDTP).
    Switches are those of CLEAR MOT (Bernardin and Stiefelhagen, 2008): frame by frame,
    pairs of the frame before are kept where they still fit, the rest is paired anew,
    and a person who was last paired with another number counts as a switch.

    Args:
        true_ids: Of each frame the numbers of the true people, ``(G,)``, each once.
        pred_ids: Of each frame the numbers of the predicted people, ``(P,)``.
        similarity: Of each frame how much true and predicted people overlap (IoU, or
            keypoint similarity), ``(G, P)``.
        threshold: Least similarity of a person who was found.

    Returns:
        Scores; NaN where there is nothing to divide by.

    Raises:
        ValueError: If the frames or shapes do not fit, or a number occurs twice.
    """
    _check(true_ids, pred_ids, similarity)
    hits = [np.asarray(frame) >= threshold for frame in similarity]
    right = _right_detections(true_ids, pred_ids, hits)
    truth, pred = (sum(map(len, ids)) for ids in (true_ids, pred_ids))
    return IdentityScores(
        idf1=_ratio(2 * right, truth + pred),
        precision=_ratio(right, pred),
        recall=_ratio(right, truth),
        switches=_switches(true_ids, pred_ids, similarity, hits),
    )


def _right_detections(
    true_ids: Sequence[np.ndarray],
    pred_ids: Sequence[np.ndarray],
    hits: Sequence[np.ndarray],
) -> int:
    """IDTP: detections that are right under the best pairing of all people."""
    true_names, true_rows = _names(true_ids)
    pred_names, pred_rows = _names(pred_ids)
    common = np.zeros((len(true_names), len(pred_names)), dtype=int)
    for rows, columns, hit in zip(true_rows, pred_rows, hits, strict=True):
        common[np.ix_(rows, columns)] += hit
    rows, columns = linear_sum_assignment(common, maximize=True)
    return int(common[rows, columns].sum())


def _switches(
    true_ids: Sequence[np.ndarray],
    pred_ids: Sequence[np.ndarray],
    similarity: Sequence[np.ndarray],
    hits: Sequence[np.ndarray],
) -> int:
    """How often a true person is paired with another number than the last time."""
    last: dict[int, int] = {}
    switches = 0
    for truth, pred, alike, hit in zip(
        true_ids, pred_ids, similarity, hits, strict=True
    ):
        held = np.array([[last.get(int(t)) == p for p in pred] for t in truth], bool)
        # A pair that was held outweighs any similarity.
        gain = np.where(hit, 1 + np.asarray(alike), 0) + 1e3 * (
            hit & held.reshape(hit.shape)
        )
        for row, column in zip(
            *linear_sum_assignment(gain, maximize=True), strict=True
        ):
            if not hit[row, column]:
                continue
            person, number = int(truth[row]), int(pred[column])
            switches += last.get(person, number) != number
            last[person] = number
    return switches


def _names(ids: Sequence[np.ndarray]) -> tuple[np.ndarray, list[np.ndarray]]:
    """All numbers of a clip, and each frame's as places among them."""
    none = np.zeros(0, dtype=int)
    flat = np.concatenate([none, *(np.asarray(frame, dtype=int) for frame in ids)])
    names, places = np.unique(flat, return_inverse=True)
    ends = np.cumsum([len(frame) for frame in ids])[:-1]
    return names, np.split(places, ends) if len(ids) else []


def _ratio(count: int, total: int) -> float:
    return count / total if total else float('nan')


def _check(
    true_ids: Sequence[np.ndarray],
    pred_ids: Sequence[np.ndarray],
    similarity: Sequence[np.ndarray],
) -> None:
    if not len(true_ids) == len(pred_ids) == len(similarity):
        raise ValueError(
            f'{len(true_ids)} frames of the truth, {len(pred_ids)} of the prediction, '
            f'{len(similarity)} of similarities; expected the same number'
        )
    for frame, (truth, pred, alike) in enumerate(
        zip(true_ids, pred_ids, similarity, strict=True)
    ):
        if np.shape(alike) != (len(truth), len(pred)):
            raise ValueError(
                f'frame {frame}: similarity has shape {np.shape(alike)}; expected '
                f'{(len(truth), len(pred))}'
            )
        for name, ids in (('true', truth), ('predicted', pred)):
            if len(np.unique(ids)) < len(ids):
                raise ValueError(
                    f'frame {frame}: a {name} number occurs twice in {list(ids)}'
                )
