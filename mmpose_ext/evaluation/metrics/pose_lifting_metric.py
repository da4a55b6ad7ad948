"""PoseLiftingMetric: errors of lifted 3D poses in millimetres."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.evaluator import BaseMetric
from mmengine.logging import MMLogger
from mmpose.registry import METRICS

from mmpose_ext.atomic_write import write_json
from mmpose_ext.evaluation.metrics.frame_values import frame_values
from mmpose_ext.evaluation.metrics.metric_table import (
    CAMERA_METRICS,
    METRIC_UNITS,
    format_protocol,
    format_table,
)
from mmpose_ext.evaluation.metrics.scored_frames import (
    ScoredFrames,
    ScoredWindow,
    assemble,
    camera_poses,
    check_extent,
    entry,
    finite,
    to_array,
)
from mmpose_ext.geometry.skeletons import H36M17, joint_indices

GROUPED_METRICS = ('MPJPE', 'P-MPJPE')
TABLE_METRICS = ('MPJPE', 'P-MPJPE', 'MPJPE_xy', 'MPJPE_depth')
GROUPS = ('action', 'subject', 'sequence', 'activity')
WEIGHTINGS = ('frame', 'sequence', 'action')


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
    ``camera_name``, ``activity`` ``(T,)`` where known. A joint counts only where
    ``gt_instance_labels.lifting_target_weight`` ``(T, K)`` is above 0 or absent.

    The log and the outfile name the protocol: what the data set says of itself
    (``dataset_meta['protocol']``: annotation, valid frames, scored frames) and how the
    codec made metres (``pred_instances.protocol``).

    Args:
        metrics: Which numbers to report; all of them if ``None``.
        weighting: What counts the same in a headline number: ``'frame'``,
            ``'sequence'`` (mean of sequence means) or ``'action'`` (mean of action
            means, the habit on Human3.6M).
        group_by: Any of ``'action'``, ``'subject'``, ``'sequence'``, ``'activity'``
            (which may change within a sequence).
        skip_sequences: Sequences whose names start with one of these are not scored.
        joints: Joints of all metrics, by name (see
            :func:`~mmpose_ext.geometry.skeletons.joint_index`) or number; all of them
            if ``None``. Procrustes and scale are fitted to these too.
        pck_joints: Joints of PCK and AUC; those of the other metrics if ``None``.
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
        joints: Sequence[str | int] | None = None,
        pck_joints: Sequence[str | int] | None = None,
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
        self.joints = _joint_subset('joints', joints)
        self.pck_joints = _joint_subset('pck_joints', pck_joints)
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

    def compute_metrics(self, results: list[ScoredWindow]) -> dict[str, float]:
        """Average over all scored frames.

        Args:
            results: What :meth:`process` kept, of all ranks.

        Returns:
            Names and numbers as described at the class.
        """
        skipped = {r.sequence for r in results if self._is_skipped(r.sequence)}
        frames = assemble([r for r in results if len(r.frame_ids)])
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

    def _scored_frames(self, sample: Mapping[str, Any]) -> ScoredWindow:
        name = str(entry(sample, 'sequence', '<unknown>'))
        mask = to_array(entry(sample, 'score_mask', name)).astype(bool).reshape(-1)
        if self._is_skipped(name):
            mask = np.zeros_like(mask)
        frame_ids = to_array(entry(sample, 'frame_ids', name)).reshape(-1)
        pred = to_array(entry(sample, 'pred_instances.keypoints', name))
        truth = to_array(entry(sample, 'gt_instances.lifting_target', name))
        self._check_shapes(name, pred, truth, mask, frame_ids)
        seen = _seen_joints(sample, pred.shape[:2])
        mask &= seen.any(axis=1)
        seen, frame_ids = seen[mask], frame_ids[mask].astype(np.int64)
        truth = np.where(seen[..., None], truth[mask], 0)
        activity = sample.get('activity')
        window = ScoredWindow(
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
            pred=finite(pred[mask], frame_ids, name, 'prediction'),
            truth=finite(truth, frame_ids, name, 'truth'),
            seen=seen,
            activity=None if activity is None else np.asarray(activity)[mask],
            decoding=sample['pred_instances'].get('protocol') or {},
        )
        check_extent(window)
        if self.weighting == 'action' and mask.any() and not window.labels['action']:
            raise ValueError(
                f'sequence {name!r} has no action, which weighting="action" needs; use '
                'weighting="frame" or "sequence"'
            )
        if self.camera_space and mask.any():
            window.camera_pred, window.camera_truth = camera_poses(sample, window, mask)
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
        for option in ('joints', 'pck_joints'):
            joints = getattr(self, option)
            if joints is not None and max(joints) >= pred.shape[1]:
                raise ValueError(
                    f'{option}={list(joints)}, but sequence {name!r} has '
                    f'{pred.shape[1]} joints (0 to {pred.shape[1] - 1})'
                )

    def _frame_values(self, frames: ScoredFrames) -> dict[str, np.ndarray]:
        """One number a frame ``(N,)`` for each metric; NaN where it has none."""
        wanted = set(self.metrics) | (set(TABLE_METRICS) if self.outfile else set())
        seen = torch.from_numpy(frames.seen)

        def score(pred: np.ndarray, truth: np.ndarray, names: set[str]) -> dict:
            return frame_values(
                torch.from_numpy(pred),
                torch.from_numpy(truth),
                seen,
                names,
                follows=frames.follows,
                joints=self.joints,
                pck_joints=self.pck_joints,
            )

        values = score(frames.pred, frames.truth, wanted)
        if frames.camera_pred is not None and frames.camera_truth is not None:
            names = {name.removeprefix('camera/') for name in CAMERA_METRICS}
            camera = score(frames.camera_pred, frames.camera_truth, names)
            values |= {f'camera/{name}': value for name, value in camera.items()}
        return {name: value.double().numpy() for name, value in values.items()}

    def _protocol(self, frames: ScoredFrames) -> dict[str, Any]:
        """What the data set and the codec say about these numbers."""
        of_data = (self.dataset_meta or {}).get('protocol') or {}
        return {**of_data, **frames.windows[0].decoding}

    def _averages(
        self, frames: ScoredFrames, values: Mapping[str, np.ndarray]
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
        self, metrics: Mapping[str, float], frames: ScoredFrames, skipped: set[str]
    ) -> None:
        logger = MMLogger.get_current_instance()
        logger.info(
            f'Scored {len(frames.pred)} frames of {len(frames.windows)} sequences, '
            f'every {self.weighting} counts the same; {len(skipped)} sequences skipped '
            'by name'
        )
        protocol = self._protocol(frames)
        if protocol:
            logger.info(f'Protocol: {format_protocol(protocol)}')
        # A row a sequence would flood the console; the outfile has them.
        groups = [group for group in self.group_by if group != 'sequence']
        table = format_table(metrics, groups, weighting=self.weighting)
        logger.info('\n' + table)

    def _report(
        self,
        metrics: Mapping[str, float],
        frames: ScoredFrames,
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
            'protocol': self._protocol(frames),
            'joints': _joint_names(self.joints),
            'pck_joints': _joint_names(self.pck_joints),
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


def _choices(
    option: str, given: Sequence[str] | None, allowed: tuple[str, ...]
) -> tuple[str, ...]:
    if given is None:
        return allowed
    if isinstance(given, str) or not set(given) <= set(allowed):
        raise ValueError(f'{option}={given!r}; expected a list with any of {allowed}')
    return tuple(dict.fromkeys(given))


def _joint_subset(
    option: str, joints: Sequence[str | int] | None
) -> tuple[int, ...] | None:
    """The joints as numbers."""
    if joints is None:
        return None
    try:
        subset = joint_indices(joints)
    except ValueError as error:
        raise ValueError(f'{option}={joints!r}: {error}') from error
    valid = all(isinstance(j, int) and j >= 0 for j in subset)
    if isinstance(joints, str) or not subset or not valid:
        raise ValueError(
            f'{option}={joints!r}; expected a list of names or of indices from 0 on'
        )
    if len(set(subset)) != len(subset):
        raise ValueError(f'{option}={joints!r} names a joint twice')
    return subset


def _joint_names(joints: Sequence[int] | None) -> list[str | int] | None:
    """Names where the numbers are those of Human3.6M-17."""
    if joints is None:
        return None
    names = H36M17.joint_names
    return [names[j] if j < len(names) else j for j in joints]


def _seen_joints(sample: Mapping[str, Any], shape: tuple[int, ...]) -> np.ndarray:
    """Joints with ground truth ``(T, K)``, bool; all of them where nothing is said."""
    labels = sample.get('gt_instance_labels') or {}
    weight = labels.get('lifting_target_weight')
    if weight is None:
        return np.ones(shape, dtype=bool)
    return to_array(weight).reshape(shape) > 0


def _mean(values: np.ndarray) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else math.nan


def _mean_by(values: np.ndarray, index: np.ndarray, count: int) -> np.ndarray:
    """Mean of the known values of each group ``(count,)``; NaN where there is none."""
    known = ~np.isnan(values)
    total = np.bincount(index[known], values[known], minlength=count)
    number = np.bincount(index[known], minlength=count)
    return np.where(number > 0, total / np.maximum(number, 1), np.nan)


def _json_number(value: float) -> float | None:
    return None if math.isnan(value) else round(float(value), 6)
