"""PoseLiftingMetric: errors of lifted 3D poses in millimetres."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.evaluator import BaseMetric
from mmengine.logging import MMLogger
from mmpose.registry import METRICS

from mmpose_ext.atomic_write import write_json
from mmpose_ext.geometry import image_pose_to_camera

from ..functional import (
    auc,
    axis_errors,
    joint_errors,
    mpjpe,
    mpjve,
    n_mpjpe,
    p_mpjpe,
    pck,
)

METRIC_UNITS = {
    'MPJPE': 'mm',
    'P-MPJPE': 'mm',
    'N-MPJPE': 'mm',
    'MPJVE': 'mm/frame',
    'PCK@150': '%',
    'AUC': '%',
    'MPJPE_xy': 'mm',
    'MPJPE_depth': 'mm',
}
CAMERA_METRICS = ('camera/MPJPE', 'camera/P-MPJPE')
GROUPED_METRICS = ('MPJPE', 'P-MPJPE')
TABLE_METRICS = ('MPJPE', 'P-MPJPE', 'MPJPE_xy', 'MPJPE_depth')
GROUPS = ('action', 'subject', 'sequence')
WEIGHTINGS = ('frame', 'sequence', 'action')
PCK_THRESHOLD_M = 0.150
SAME_TRUTH_M = 1e-4


@METRICS.register_module()
class PoseLiftingMetric(BaseMetric):
    """Score root-relative 3D poses of sequences.

    All lengths are millimetres, PCK and AUC per cent, MPJVE millimetres a frame. A
    frame is scored where ``score_mask`` is true and counts once, however often its
    window was evaluated: frames are told apart by ``(sequence, frame)``, never by file
    names. MPJVE uses only pairs of frames whose numbers differ by one and is NaN where
    there is no such pair.

    Names of results: ``MPJPE``, ``P-MPJPE`` (after a similarity), ``N-MPJPE`` (after a
    scale), ``MPJVE``, ``PCK@150``, ``AUC``, ``MPJPE_xy`` and ``MPJPE_depth`` (norm in
    the image plane and absolute depth error); for each label of each group
    ``MPJPE/<group>/<label>`` and ``P-MPJPE/<group>/<label>``.

    Expected in a data sample: ``pred_instances.keypoints`` and
    ``gt_instances.lifting_target`` ``(T, K, 3)``, metres, relative to joint 0;
    ``score_mask``, ``frame_ids`` ``(T,)``, ``sequence``, and ``subject``, ``action``,
    ``camera_name`` where known.

    Args:
        metrics: Which numbers to report; all of them if ``None``.
        weighting: What counts the same in a headline number: ``'frame'``,
            ``'sequence'`` (mean of sequence means) or ``'action'`` (mean of action
            means, the habit on Human3.6M).
        group_by: Any of ``'action'``, ``'subject'``, ``'sequence'``.
        skip_sequences: Sequences whose names start with one of these are not scored.
        joints: Joints of PCK and AUC; all of them if ``None``.
        camera_space: For predictions in the 2.5D image frame: also report
            ``camera/MPJPE`` and ``camera/P-MPJPE``. The prediction is brought to
            pixels by ``factor`` and ``root_image``, un-projected with ``camera_param``
            at the true depth of the root plus its own relative depth, and compared
            with ``gt_instances.pose_cam``, both minus their root. Lens distortion is
            undone where ``camera_param`` has ``distortion``; without, it stays in the
            number.
        outfile: JSON file for all numbers and a table with one row a sequence. It is
            replaced as a whole at every evaluation.
        collect_device: As in MMEngine.
        prefix: As in MMEngine.
        collect_dir: As in MMEngine.

    Raises:
        ValueError: If an option has an unknown value; later, if a sample lacks what an
            option needs, a scored value is NaN or infinite, two sequences share a name,
            or nothing is left to score.
    """

    default_prefix = ''

    def __init__(
        self,
        metrics: Sequence[str] | None = None,
        weighting: str = 'frame',
        *,
        group_by: Sequence[str] = ('action',),
        skip_sequences: Sequence[str] = (),
        joints: Sequence[int] | None = None,
        camera_space: bool = False,
        outfile: str | os.PathLike | None = None,
        collect_device: str = 'cpu',
        prefix: str | None = None,
        collect_dir: str | None = None,
    ) -> None:
        super().__init__(collect_device, prefix, collect_dir)
        self.metrics = _choices('metrics', metrics, tuple(METRIC_UNITS))
        self.group_by = _choices('group_by', group_by, GROUPS)
        if weighting not in WEIGHTINGS:
            raise ValueError(f'weighting={weighting!r}; expected one of {WEIGHTINGS}')
        self.weighting = weighting
        if isinstance(skip_sequences, str) or not all(skip_sequences):
            raise ValueError(
                f'skip_sequences={skip_sequences!r}; expected a list of name prefixes, '
                "for example ['s_09_act_05_subact_02']"
            )
        self.skip_sequences = tuple(skip_sequences)
        self.joints = _joint_subset(joints)
        self.camera_space = camera_space
        self.outfile = None if outfile is None else Path(outfile)
        if self.outfile is not None and self.outfile.suffix != '.json':
            raise ValueError(
                f'outfile={str(outfile)!r}; expected a name ending in .json'
            )

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Keep the scored frames of each sample as arrays.

        Every sample leaves exactly one result, also one without scored frames, because
        MMEngine cuts the padding of distributed runs off by counting results.

        Args:
            data_batch: Not used.
            data_samples: Samples as described at the class.
        """
        for sample in data_samples:
            self.results.append(self._scored_frames(sample))

    def compute_metrics(self, results: list[_Window]) -> dict[str, float]:
        """Average over all scored frames.

        Args:
            results: What :meth:`process` kept, of all ranks.

        Returns:
            Names and numbers as described at the class.
        """
        skipped = {r.sequence for r in results if self._is_skipped(r.sequence)}
        frames = _assemble([r for r in results if len(r.frame_ids)])
        if frames is None:
            raise ValueError(
                f'no frame to score in {len(results)} samples; skip_sequences='
                f'{list(self.skip_sequences)} took {len(skipped)} sequences away; '
                'check it, the test subset and score_mask'
            )
        values = self._frame_values(frames)
        metrics = self._averages(frames, values)
        self._log(metrics, frames, skipped)
        if self.outfile is not None:
            report = self._report(metrics, frames, values, skipped)
            write_json(self.outfile, report)
        return metrics

    def _is_skipped(self, sequence: str) -> bool:
        return sequence.startswith(self.skip_sequences)

    def _scored_frames(self, sample: Mapping[str, Any]) -> _Window:
        name = str(_entry(sample, 'sequence', '<unknown>'))
        mask = _array(_entry(sample, 'score_mask', name)).astype(bool).reshape(-1)
        if self._is_skipped(name):
            mask = np.zeros_like(mask)
        frame_ids = _array(_entry(sample, 'frame_ids', name)).reshape(-1)
        pred = _array(_entry(sample, 'pred_instances.keypoints', name))
        truth = _array(_entry(sample, 'gt_instances.lifting_target', name))
        self._check_shapes(name, pred, truth, mask, frame_ids)
        frame_ids = frame_ids[mask].astype(np.int64)
        window = _Window(
            sequence=name,
            labels={
                key: sample.get(source)
                for key, source in (
                    ('subject', 'subject'),
                    ('action', 'action'),
                    ('camera', 'camera_name'),
                )
            },
            frame_ids=frame_ids,
            pred=_finite(pred[mask], frame_ids, name, 'prediction'),
            truth=_finite(truth[mask], frame_ids, name, 'truth'),
        )
        _check_extent(window)
        if self.weighting == 'action' and mask.any() and not window.labels['action']:
            raise ValueError(
                f'sequence {name!r} has no action, which weighting="action" needs; use '
                'weighting="frame" or "sequence"'
            )
        if self.camera_space and mask.any():
            window.camera_pred, window.camera_truth = _camera_poses(
                sample, window, mask
            )
        return window

    def _check_shapes(
        self,
        name: str,
        pred: np.ndarray,
        truth: np.ndarray,
        mask: np.ndarray,
        frame_ids: np.ndarray,
    ) -> None:
        if pred.shape != truth.shape or pred.ndim != 3 or pred.shape[-1] != 3:
            raise ValueError(
                f'sequence {name!r}: prediction {pred.shape} and truth {truth.shape} '
                'must both be (T, K, 3)'
            )
        if not len(mask) == len(frame_ids) == len(pred):
            raise ValueError(
                f'sequence {name!r}: {len(pred)} poses, {len(mask)} entries of '
                f'score_mask and {len(frame_ids)} of frame_ids; expected equal numbers'
            )
        if self.joints is not None and max(self.joints) >= pred.shape[1]:
            raise ValueError(
                f'joints={list(self.joints)}, but sequence {name!r} has '
                f'{pred.shape[1]} joints (0 to {pred.shape[1] - 1})'
            )

    def _frame_values(self, frames: _Frames) -> dict[str, np.ndarray]:
        """One number a frame ``(N,)`` for each metric; NaN where it has none."""
        pred, truth = torch.from_numpy(frames.pred), torch.from_numpy(frames.truth)
        wanted = set(self.metrics) | (set(TABLE_METRICS) if self.outfile else set())
        values: dict[str, torch.Tensor] = {}
        if 'MPJPE' in wanted:
            values['MPJPE'] = mpjpe(pred, truth) * 1000
        if 'P-MPJPE' in wanted:
            values['P-MPJPE'] = p_mpjpe(pred, truth) * 1000
        if 'N-MPJPE' in wanted:
            values['N-MPJPE'] = n_mpjpe(pred, truth) * 1000
        if 'MPJVE' in wanted:
            step = torch.full((len(pred),), torch.nan)
            step[1:] = mpjve(pred, truth) * 1000
            values['MPJVE'] = step.masked_fill(~frames.follows, torch.nan)
        if wanted & {'PCK@150', 'AUC'}:
            errors = joint_errors(pred, truth)
            if self.joints is not None:
                errors = errors[:, list(self.joints)]
            values['PCK@150'] = pck(errors, PCK_THRESHOLD_M) * 100
            values['AUC'] = auc(errors) * 100
        if wanted & {'MPJPE_xy', 'MPJPE_depth'}:
            in_plane, depth = axis_errors(pred, truth)
            values['MPJPE_xy'] = in_plane.mean(-1) * 1000
            values['MPJPE_depth'] = depth.mean(-1) * 1000
        if frames.camera_pred is not None and frames.camera_truth is not None:
            camera_pred = torch.from_numpy(frames.camera_pred)
            camera_truth = torch.from_numpy(frames.camera_truth)
            values['camera/MPJPE'] = mpjpe(camera_pred, camera_truth) * 1000
            values['camera/P-MPJPE'] = p_mpjpe(camera_pred, camera_truth) * 1000
        return {name: value.double().numpy() for name, value in values.items()}

    def _averages(
        self, frames: _Frames, values: Mapping[str, np.ndarray]
    ) -> dict[str, float]:
        metrics = {}
        for name in (*self.metrics, *(n for n in CAMERA_METRICS if n in values)):
            means = values[name]
            if self.weighting != 'frame':
                labels, index = frames.groups(self.weighting)
                means = _mean_by(means, index, len(labels))
            metrics[name] = _mean(means)
        for group in self.group_by:
            labels, index = frames.groups(group)
            for name in (n for n in GROUPED_METRICS if n in self.metrics):
                means = _mean_by(values[name], index, len(labels))
                for label, mean in zip(labels, means, strict=True):
                    metrics[f'{name}/{group}/{label}'] = float(mean)
        return metrics

    def _log(
        self, metrics: Mapping[str, float], frames: _Frames, skipped: set[str]
    ) -> None:
        logger = MMLogger.get_current_instance()
        logger.info(
            f'Scored {len(frames.pred)} frames of {len(frames.windows)} sequences, '
            f'every {self.weighting} counts the same; {len(skipped)} sequences skipped '
            'by name'
        )
        # A row a sequence would flood the console; the outfile has them.
        groups = [group for group in self.group_by if group != 'sequence']
        table = format_table(metrics, groups, weighting=self.weighting)
        logger.info('\n' + table)

    def _report(
        self,
        metrics: Mapping[str, float],
        frames: _Frames,
        values: Mapping[str, np.ndarray],
        skipped: set[str],
    ) -> dict[str, Any]:
        labels, index = frames.groups('sequence')
        counts = np.bincount(index, minlength=len(labels))
        columns = [n for n in (*TABLE_METRICS, *CAMERA_METRICS) if n in values]
        means = {n: _mean_by(values[n], index, len(labels)) for n in columns}
        units = {n: METRIC_UNITS[n.removeprefix('camera/')] for n in columns}
        return {
            'metrics': {name: _json_number(value) for name, value in metrics.items()},
            'units': {name: METRIC_UNITS[name] for name in self.metrics} | units,
            'weighting': self.weighting,
            'joints': None if self.joints is None else list(self.joints),
            'num_frames': len(frames.pred),
            'skipped_sequences': sorted(skipped),
            'sequences': [
                {
                    'name': window.sequence,
                    **window.labels,
                    'frames': int(counts[row]),
                    **{name: _json_number(means[name][row]) for name in columns},
                }
                for row, window in enumerate(frames.windows)
            ],
        }


def format_table(
    metrics: Mapping[str, float],
    groups: Sequence[str] = ('action', 'subject'),
    *,
    weighting: str = 'frame',
) -> str:
    """Lay the results of :class:`PoseLiftingMetric` out for people.

    Args:
        metrics: Names and numbers, without a prefix.
        groups: Groups that get a table with a row a label; those without results are
            left out.
        weighting: How the headline numbers were averaged; names the last rows.

    Returns:
        Aligned lines: the tables of the groups, then the headline numbers.
    """
    blocks = [_group_table(metrics, group, weighting) for group in groups]
    units = METRIC_UNITS | dict.fromkeys(CAMERA_METRICS, 'mm')
    rows = [[n, _cell(metrics[n]), unit] for n, unit in units.items() if n in metrics]
    blocks.append(_align(['metric', 'value', 'unit'], rows))
    return '\n\n'.join(block for block in blocks if block)


def _group_table(metrics: Mapping[str, float], group: str, weighting: str) -> str:
    marker = f'/{group}/'
    keys = [key.partition(marker) for key in metrics if marker in key]
    columns = list(dict.fromkeys(name for name, _, _ in keys))
    if not columns:
        return ''
    rows = [
        [label, *(_cell(metrics.get(f'{name}{marker}{label}')) for name in columns)]
        for label in sorted({label for _, _, label in keys})
    ]
    last = 'all' if weighting == 'frame' else f'mean of {weighting}s'
    rows.append([last, *(_cell(metrics.get(name)) for name in columns)])
    heads = [group, *(f'{name} [{METRIC_UNITS[name]}]' for name in columns)]
    return _align(heads, rows, rule_before_last=True)


@dataclass
class _Window:
    """The scored frames of one sample: ids ``(n,)``, poses ``(n, K, 3)`` metres."""

    sequence: str
    labels: dict[str, str | None]
    frame_ids: np.ndarray
    pred: np.ndarray
    truth: np.ndarray
    camera_pred: np.ndarray | None = None
    camera_truth: np.ndarray | None = None


@dataclass
class _Frames:
    """All scored frames, once each, in order of sequence and frame.

    ``sequence`` ``(N,)`` indexes ``windows``, which holds one window of each sequence;
    ``follows`` tells whether a frame comes right after the one before it.
    """

    windows: list[_Window]
    sequence: np.ndarray
    follows: torch.Tensor
    pred: np.ndarray
    truth: np.ndarray
    camera_pred: np.ndarray | None
    camera_truth: np.ndarray | None

    def groups(self, group: str) -> tuple[list[str], np.ndarray]:
        """Labels of a group and, for each frame, the index of its label ``(N,)``."""
        if group == 'sequence':
            return [window.sequence for window in self.windows], self.sequence
        names = [str(window.labels[group] or 'unknown') for window in self.windows]
        labels, index = np.unique(names, return_inverse=True)
        return labels.tolist(), index[self.sequence]


def _assemble(windows: Sequence[_Window]) -> _Frames | None:
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

    pred = gather('pred')
    assert pred is not None
    return _Frames(
        windows=[first[name] for name in names],
        sequence=sequence[~repeated],
        follows=torch.from_numpy((same_sequence & (step == 1))[~repeated]),
        pred=pred,
        truth=truth[~repeated],
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


def _camera_poses(
    sample: Mapping[str, Any], window: _Window, mask: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Un-projected prediction and truth ``(n, K, 3)``, metres, minus their roots."""
    name = window.sequence
    hint = 'camera_space=True needs it; leave the option out for this data'
    camera = _entry(sample, 'camera_param', name, hint)
    if not isinstance(camera, Mapping) or not {'f', 'c'} <= set(camera):
        raise ValueError(f'sequence {name!r}: camera_param has no f and c; {hint}')
    pose_cam = _array(_entry(sample, 'gt_instances.pose_cam', name, hint))[mask]
    factor = _array(_entry(sample, 'factor', name, hint)).reshape(-1)
    root_image = _array(_entry(sample, 'root_image', name, hint)).reshape(-1, 2)
    factor = np.broadcast_to(factor, mask.shape)[mask]
    root_image = np.broadcast_to(root_image, (*mask.shape, 2))[mask]
    _finite(pose_cam, window.frame_ids, name, 'pose_cam')
    _finite(factor, window.frame_ids, name, 'factor')
    _finite(root_image, window.frame_ids, name, 'root_image')
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
        _array(camera['f']).reshape(-1),
        _array(camera['c']).reshape(-1),
        distortion=None if distortion is None else _array(distortion).reshape(-1),
    )
    return pred - pred[:, :1], pose_cam - pose_cam[:, :1]


def _entry(sample: Mapping[str, Any], key: str, name: str, hint: str = '') -> Any:
    value: Any = sample
    for part in key.split('.'):
        if not isinstance(value, Mapping) or value.get(part) is None:
            raise ValueError(
                f'sequence {name!r}: the data sample has no {key}; '
                + (hint or 'end the pipeline with PackLiftingInputs')
            )
        value = value[part]
    return value


def _array(value: Any) -> np.ndarray:
    """The value in main memory; floating point as single precision."""
    if isinstance(value, torch.Tensor):
        value = value.detach()
        value = (value.float() if value.is_floating_point() else value).cpu().numpy()
    array = np.asarray(value)
    return array.astype(np.float32) if array.dtype.kind == 'f' else array


def _finite(
    values: np.ndarray, frame_ids: np.ndarray, sequence: str, what: str
) -> np.ndarray:
    bad = ~np.isfinite(values).all(axis=tuple(range(1, values.ndim)))
    if bad.any():
        raise ValueError(
            f'sequence {sequence!r}: {what} is NaN or infinite in {int(bad.sum())} of '
            f'{len(bad)} scored frames of a window, first in frame '
            f'{int(frame_ids[bad][0])}; a truth may be so because its factor (metres '
            'per pixel) is unknown, a prediction because training diverged'
        )
    return values


def _check_extent(window: _Window) -> None:
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


def _choices(
    option: str, given: Sequence[str] | None, allowed: tuple[str, ...]
) -> tuple[str, ...]:
    if given is None:
        return allowed
    if isinstance(given, str) or not set(given) <= set(allowed):
        raise ValueError(f'{option}={given!r}; expected a list with any of {allowed}')
    return tuple(dict.fromkeys(given))


def _joint_subset(joints: Sequence[int] | None) -> tuple[int, ...] | None:
    if joints is None:
        return None
    subset = tuple(joints)
    valid = all(isinstance(j, int) and j >= 0 for j in subset)
    if not subset or not valid or len(set(subset)) != len(subset):
        raise ValueError(f'joints={joints!r}; expected different indices from 0 on')
    return subset


def _mean(values: np.ndarray) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else math.nan


def _mean_by(values: np.ndarray, index: np.ndarray, count: int) -> np.ndarray:
    """Mean of the known values of each group ``(count,)``; NaN where there is none."""
    known = ~np.isnan(values)
    total = np.bincount(index[known], values[known], minlength=count)
    number = np.bincount(index[known], minlength=count)
    return np.where(number > 0, total / np.maximum(number, 1), np.nan)


def _cell(value: float | None) -> str:
    return '-' if value is None or math.isnan(value) else f'{value:.2f}'


def _align(
    heads: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    rule_before_last: bool = False,
) -> str:
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    rule = '  '.join('-' * width for width in widths)

    def line(cells: Sequence[str]) -> str:
        first = cells[0].ljust(widths[0])
        rest = (c.rjust(w) for c, w in zip(cells[1:], widths[1:], strict=True))
        return '  '.join([first, *rest]).rstrip()

    lines = [line(heads), rule, *map(line, rows)]
    if rule_before_last:
        lines.insert(-1, rule)
    return '\n'.join(lines)


def _json_number(value: float) -> float | None:
    return None if math.isnan(value) else round(float(value), 6)
