"""Frames to score: collected window by window, assembled sequence by sequence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from mmpose_ext.geometry import image_pose_to_camera

SAME_TRUTH_M = 1e-4


@dataclass
class ScoredWindow:
    """The scored frames of one sample: ids ``(n,)``, poses ``(n, K, 3)`` metres.

    ``seen`` ``(n, K)`` tells which joints have ground truth, ``activity`` ``(n,)`` what
    is done in each frame, where known; ``decoding`` how outputs became metres.
    """

    sequence: str
    labels: dict[str, str | None]
    frame_ids: np.ndarray
    pred: np.ndarray
    truth: np.ndarray
    seen: np.ndarray
    activity: np.ndarray | None = None
    decoding: Mapping[str, Any] = field(default_factory=dict)
    camera_pred: np.ndarray | None = None
    camera_truth: np.ndarray | None = None


@dataclass
class ScoredFrames:
    """All scored frames, once each, in order of sequence and frame.

    ``sequence`` ``(N,)`` indexes ``windows``, which holds one window of each sequence;
    ``follows`` tells whether a frame comes right after the one before it.
    """

    windows: list[ScoredWindow]
    sequence: np.ndarray
    follows: torch.Tensor
    pred: np.ndarray
    truth: np.ndarray
    seen: np.ndarray
    activity: np.ndarray | None
    camera_pred: np.ndarray | None
    camera_truth: np.ndarray | None

    def groups(self, group: str) -> tuple[list[str], np.ndarray]:
        """Labels of a group and, for each frame, the index of its label ``(N,)``."""
        if group == 'sequence':
            return [window.sequence for window in self.windows], self.sequence
        if group == 'activity' and self.activity is not None:
            labels, index = np.unique(self.activity, return_inverse=True)
            return labels.tolist(), index
        names = [str(window.labels.get(group) or 'unknown') for window in self.windows]
        labels, index = np.unique(names, return_inverse=True)
        return labels.tolist(), index[self.sequence]


def assemble(windows: Sequence[ScoredWindow]) -> ScoredFrames | None:
    """All scored frames, by sequence and frame, each once; ``None`` without any.

    Raises:
        ValueError: If a frame comes twice with different truths.
    """
    if not windows:
        return None
    first = {window.sequence: window for window in reversed(windows)}
    names = sorted(first)
    rank = {name: i for i, name in enumerate(names)}
    sequence = np.repeat(
        [rank[window.sequence] for window in windows],
        [len(window.frame_ids) for window in windows],
    )
    frame = np.concatenate([window.frame_ids for window in windows])
    order = np.lexsort((frame, sequence))
    sequence, frame = sequence[order], frame[order]
    same_sequence = np.diff(sequence, prepend=-1) == 0
    step = np.diff(frame, prepend=0)
    repeated = same_sequence & (step == 0)
    truth = np.concatenate([window.truth for window in windows])[order]
    _check_repeated(repeated, truth, [names[i] for i in sequence[repeated]])
    kept = order[~repeated]

    def gather(name: str) -> np.ndarray | None:
        parts = [getattr(window, name) for window in windows]
        return None if parts[0] is None else np.concatenate(parts)[kept]

    pred, seen = gather('pred'), gather('seen')
    assert pred is not None and seen is not None
    return ScoredFrames(
        windows=[first[name] for name in names],
        sequence=sequence[~repeated],
        follows=torch.from_numpy((same_sequence & (step == 1))[~repeated]),
        pred=pred,
        truth=truth[~repeated],
        seen=seen,
        activity=gather('activity'),
        camera_pred=gather('camera_pred'),
        camera_truth=gather('camera_truth'),
    )


def _check_repeated(
    repeated: np.ndarray, truth: np.ndarray, names: Sequence[str]
) -> None:
    """A frame met twice is padding only if its truth is the same both times."""
    rows = np.flatnonzero(repeated)
    differs = np.abs(truth[rows] - truth[rows - 1]).max(axis=(1, 2), initial=0)
    if (differs > SAME_TRUTH_M).any():
        name = names[int(differs.argmax())]
        raise ValueError(
            f'sequence {name!r} has two different truths for the same frame: two '
            'sequences seem to share this name; names must be unique in a test set'
        )


def camera_poses(
    sample: Mapping[str, Any], window: ScoredWindow, mask: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Un-projected prediction and truth ``(n, K, 3)``, metres, minus their roots."""
    name = window.sequence
    hint = 'camera_space=True needs it; leave the option out for this data'
    camera = entry(sample, 'camera_param', name, hint)
    if not isinstance(camera, Mapping) or not {'f', 'c'} <= set(camera):
        raise ValueError(f'sequence {name!r}: camera_param has no f and c; {hint}')
    pose_cam = to_array(entry(sample, 'gt_instances.pose_cam', name, hint))[mask]
    factor = to_array(entry(sample, 'factor', name, hint)).reshape(-1)
    root_image = to_array(entry(sample, 'root_image', name, hint)).reshape(-1, 2)
    factor = np.broadcast_to(factor, mask.shape)[mask]
    root_image = np.broadcast_to(root_image, (*mask.shape, 2))[mask]
    finite(pose_cam, window.frame_ids, name, 'pose_cam')
    finite(factor, window.frame_ids, name, 'factor')
    finite(root_image, window.frame_ids, name, 'root_image')
    if (factor <= 0).any():
        raise ValueError(
            f'sequence {name!r}: factor is {factor.min():g} metres per pixel, which is '
            f'what an unknown one looks like; {hint}'
        )
    pose_image = window.pred / factor[:, None, None]
    pose_image[..., :2] += root_image[:, None]
    distortion = camera.get('distortion')
    pred = image_pose_to_camera(
        pose_image,
        factor,
        pose_cam[:, 0, 2],
        to_array(camera['f']).reshape(-1),
        to_array(camera['c']).reshape(-1),
        distortion=None if distortion is None else to_array(distortion).reshape(-1),
    )
    return pred - pred[:, :1], pose_cam - pose_cam[:, :1]


def entry(sample: Mapping[str, Any], key: str, name: str, hint: str = '') -> Any:
    """An entry of a data sample, ``key`` with dots between levels.

    Raises:
        ValueError: If the sample of sequence ``name`` does not have it.
    """
    value: Any = sample
    for part in key.split('.'):
        if not isinstance(value, Mapping) or value.get(part) is None:
            raise ValueError(
                f'sequence {name!r}: the data sample has no {key}; '
                + (hint or 'end the pipeline with PackLiftingInputs')
            )
        value = value[part]
    return value


def to_array(value: Any) -> np.ndarray:
    """The value in main memory; floating point as single precision."""
    if isinstance(value, torch.Tensor):
        value = value.detach()
        value = (value.float() if value.is_floating_point() else value).cpu().numpy()
    array = np.asarray(value)
    return array.astype(np.float32) if array.dtype.kind == 'f' else array


def finite(
    values: np.ndarray, frame_ids: np.ndarray, sequence: str, what: str
) -> np.ndarray:
    """The values themselves.

    Raises:
        ValueError: If one of them is NaN or infinite; names sequence and frame.
    """
    bad = ~np.isfinite(values).all(axis=tuple(range(1, values.ndim)))
    if bad.any():
        raise ValueError(
            f'sequence {sequence!r}: {what} is NaN or infinite in {int(bad.sum())} of '
            f'{len(bad)} scored frames of a window, first in frame '
            f'{int(frame_ids[bad][0])}; a truth may be so because its factor (metres '
            'per pixel) is unknown, a prediction because training diverged'
        )
    return values


def check_extent(window: ScoredWindow) -> None:
    """A truth collapsed to one point means that pixels were scaled by an unknown 0."""
    truth = window.truth
    collapsed = (truth == truth[:, :1]).all(axis=(1, 2)) & (truth.shape[1] > 1)
    if collapsed.any():
        raise ValueError(
            f'sequence {window.sequence!r}: all joints of the truth lie in one point '
            f'in frame {int(window.frame_ids[collapsed][0])}; its factor (metres per '
            'pixel) may be unknown: convert the data with one, or score a target in '
            'camera space'
        )
