"""Windows of 2D and 3D poses for lifting, read from a FrameStore."""

from __future__ import annotations

import copy
import os
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from mmengine.dataset import BaseDataset, force_full_init
from mmpose.datasets.datasets.utils import parse_pose_metainfo
from mmpose.registry import DATASETS

from mmpose_ext.choices import check_choice
from mmpose_ext.datasets.frame_store import FrameStore, SequenceInfo
from mmpose_ext.datasets.named_failures import run_named
from mmpose_ext.datasets.pose_store_checks import (
    FIELDS,
    check_fields,
    check_finite,
    check_intrinsics,
    choose_sequences,
    has_valid_frame,
)
from mmpose_ext.datasets.windows import (
    SHORTS,
    TAILS,
    WindowIndex,
    build_centre_index,
    build_window_index,
)

SCORED = ('all', 'centre')
INTRINSICS = ('optional', 'required')
WITHOUT_VALID = ('error', 'drop')
_TARGET_FIELDS = {'camera': 'pose_cam', 'image': 'pose_image'}
_VIEWS = ('_columns', '_features', '_valid', '_joint_valid', '_activity')
_METAINFO_KEYS = ('flip_indices', 'flip_pairs', 'dataset_keypoint_weights')


@DATASETS.register_module()
class LiftingDataset(BaseDataset):
    """Windows of T frames of one person: 2D keypoints in, 3D pose out.

    Serves every source that is converted to a FrameStore of the joint set ``h36m17``
    (Human3.6M, MPI-INF-3DHP, 3DPW, motion capture through known cameras, synthetic
    people). Frames are read through memory maps that workers share; a sample is a
    handful of slices.

    A store may say what has no ground truth. A frame that is false in ``valid``
    ``(F,)`` is seen by the network but never scored, and weighs nothing in training.
    A joint that is 0 in ``joint_valid`` ``(F, 17)`` weighs nothing either, and the
    metric leaves it out: both reach labels and metric as ``lifting_target_visible``,
    which the codec makes ``lifting_target_weight``. The values themselves must be
    finite everywhere, and a frame whose root is unknown must be invalid, because poses
    are relative to it.

    ``target=None`` gives the 2D alone, as an unlabelled domain has it: 3D is never
    read, and the store need not have any. Invalid frames still weigh nothing, and a
    window of nothing else is refused or left out; ``joint_valid`` then matters for true
    2D alone, which is unknown where the pose is.

    Keys of a sample (float32 unless said otherwise):

        - keypoints ``(T, 17, 2)`` pixels; keypoints_visible ``(T, 17)`` confidence
        - lifting_target ``(T, 17, 3)``: camera frame in metres, or pixels with the
          root-relative depth in pixels; lifting_target_visible ``(T, 17)``, 0 in
          padded and invalid frames and for joints without ground truth
        - factor ``(T,)`` metres per pixel; pose_cam ``(T, 17, 3)`` metres, both only
          if the store has them
        - with ``target=None`` none of these but lifting_target_visible
        - root_cam ``(T, 3)`` metres, only if asked for
        - features: dict of further fields ``(T, ...)``, only if asked for
        - activity ``(T,)`` str: what is done in each frame, if the store knows
        - score_mask ``(T,)`` bool: frames that this window scores; over all windows
          each valid frame that is covered is true once
        - frame_ids ``(T,)`` int64 inside the sequence
        - camera_param: w, h and, if known, f, c, distortion, R, t (metres)
        - sequence, sequence_id, subject, action, camera_name, sample_name, sample_idx,
          flip_indices, flip_pairs, dataset_keypoint_weights, dataset_name

    Arrays of a sample may be read-only views; a transform that edits one copies it.

    Args:
        store: Folder of the FrameStore, relative to ``data_root``.
        ann_file: MMPose's name for the same; give one of the two.
        seq_len: Frames of a window, T.
        scored: ``'all'``: windows tile the sequences, each frame is scored once.
            ``'centre'``: a window around each valid frame, padded at both ends of the
            sequence, of which the middle alone is scored (the habit on MPI-INF-3DHP);
            stride, tail and short then have no say.
        stride: Frames between the starts of two windows; ``None`` means ``seq_len``.
        seq_step: Same as ``stride``; give one of the two. MMPose's video inferencer
            reads ``seq_step`` of the test dataset as the step between the *frames of
            one window*, so configs that shall work there use ``stride``.
        tail: ``'drop'``, ``'last_window'`` or ``'pad'``; see
            :func:`~mmpose_ext.datasets.windows.build_window_index`.
        short: ``'pad'``, ``'drop'`` or ``'stretch'``; see there.
        keypoints_2d: ``'gt'`` (projection of the 3D pose, confidence 1) or ``'det'``
            (stored detections with their confidence).
        target: ``'camera'`` (pose_cam, metres), ``'image'`` (pose_image, pixels) or
            ``None``, no target.
        target_root: Also give the true place of the root, ``root_cam``. This is 3D
            supervision: the protocol says ``root='ground truth'``.
        intrinsics: ``'required'`` refuses sequences without focal length and principal
            point, by which poses are projected; ``'optional'`` does not look.
        without_valid: With ``target=None``, what becomes of windows without a valid
            frame: ``'error'`` or ``'drop'``.
        features: Further fields of the store that a model reads, such as image
            features; each becomes an entry of ``features``. What writes them checks
            that they are finite: they can be too large to look through at each start.
        subjects: Names of the people to use; ``None`` means all.
        actions: Names of the actions to use.
        cameras: Names of the cameras to use.
        split: ``'train'`` or ``'test'`` as the store says.
        check_finite: Look for NaN and infinity in the fields that are used.
        synthetic: Options of ``ensure_synthetic_store``, which makes the store on first
            use if it is not there.
        data_root: Folder that ``store`` is relative to.
        metainfo: Meta information in MMPose's format; ``None`` means Human3.6M's.
        indices: Use only these windows (a list), the first n or the last -n.
        pipeline: Transforms.
        test_mode: Whether this dataset is for evaluation.
        lazy_init: Open the store at first use instead of now.

    Raises:
        FileNotFoundError: If the store or one of its files is missing.
        ValueError: If an option is unknown, a filter names something that the store
            does not have, nothing is left, fields are missing or of another joint
            set, values are not finite, no sequence is long enough, intrinsics that are
            required are missing, or a window of 2D alone has no valid frame.
    """

    METAINFO: dict = dict(from_file='configs/_base_/datasets/h36m.py')

    store: FrameStore
    windows: WindowIndex
    _fully_initialized: bool
    _rows: np.ndarray
    _begins: np.ndarray
    _slots: np.ndarray
    _all_visible: np.ndarray
    _all_scored: np.ndarray
    _contexts: dict[int, dict[str, Any]]
    _columns: dict[str, np.ndarray]
    _features: dict[str, np.ndarray]
    _valid: np.ndarray | None
    _joint_valid: np.ndarray | None
    _activity: np.ndarray | None
    _activities: np.ndarray

    def __init__(
        self,
        store: str | os.PathLike = '',
        ann_file: str | os.PathLike = '',
        *,
        seq_len: int,
        scored: str = 'all',
        stride: int | None = None,
        seq_step: int | None = None,
        tail: str = 'last_window',
        short: str = 'pad',
        keypoints_2d: str = 'gt',
        target: str | None = 'camera',
        target_root: bool = False,
        intrinsics: str = 'optional',
        without_valid: str = 'error',
        features: Sequence[str] = (),
        subjects: str | Sequence[str] | None = None,
        actions: str | Sequence[str] | None = None,
        cameras: str | Sequence[str] | None = None,
        split: str | None = None,
        check_finite: bool = True,
        synthetic: dict[str, Any] | None = None,
        data_root: str | os.PathLike | None = '',
        metainfo: dict[str, Any] | None = None,
        indices: int | Sequence[int] | None = None,
        pipeline: Sequence[dict | Callable] = (),
        test_mode: bool = False,
        lazy_init: bool = False,
    ) -> None:
        if bool(store) == bool(ann_file):
            raise ValueError(
                'give the folder of the FrameStore as store= (or ann_file=), got '
                f'store={store!r} and ann_file={ann_file!r}'
            )
        if stride is not None and seq_step is not None and stride != seq_step:
            raise ValueError(
                f'stride and seq_step mean the same, got {stride} and {seq_step}'
            )
        check_choice('scored', scored, SCORED)
        if scored == 'centre' and (stride, seq_step) != (None, None):
            raise ValueError(
                "scored='centre' takes a window around every valid frame; leave stride "
                'and seq_step out'
            )
        check_choice('keypoints_2d', keypoints_2d, ('gt', 'det'))
        check_choice('target', target, (*_TARGET_FIELDS, None))
        check_choice('intrinsics', intrinsics, INTRINSICS)
        check_choice('without_valid', without_valid, WITHOUT_VALID)
        check_choice('tail', tail, TAILS)
        check_choice('short', short, SHORTS)
        self.seq_len, self.scored = seq_len, scored
        self.stride = next((s for s in (stride, seq_step) if s is not None), seq_len)
        if self.seq_len < 1 or self.stride < 1:
            raise ValueError(
                f'seq_len and stride must be at least 1, got {seq_len} and '
                f'{self.stride}'
            )
        self.tail, self.short = tail, short
        self.keypoints_2d, self.target = keypoints_2d, target
        self.target_root = target_root
        self.intrinsics, self.without_valid = intrinsics, without_valid
        self.features = _as_names(features) or ()
        self.filters = {
            'subject': _as_names(subjects),
            'action': _as_names(actions),
            'camera': _as_names(cameras),
            'split': _as_names(split),
        }
        self.check_finite = check_finite
        self.synthetic = copy.deepcopy(synthetic)
        super().__init__(
            ann_file=os.fspath(store or ann_file),
            metainfo=metainfo,
            data_root=os.fspath(data_root or ''),
            data_prefix={},
            indices=indices,
            serialize_data=False,
            pipeline=list(pipeline),
            test_mode=test_mode,
            lazy_init=lazy_init,
            max_refetch=0,
        )

    @classmethod
    def _load_metainfo(cls, metainfo: dict[str, Any] | None = None) -> dict[str, Any]:
        """Parse pose meta information, Human3.6M's by default."""
        if metainfo is None:
            metainfo = copy.deepcopy(cls.METAINFO)
        with warnings.catch_warnings():
            # MMPose warns when it takes the file from its own package, as it should.
            warnings.filterwarnings('ignore', message='The metainfo config file')
            parsed = parse_pose_metainfo(metainfo)
        # MMEngine's ConcatDataset compares the metainfo of its datasets by `!=`, which
        # arrays inside a dict do not survive.
        if 'stats_info' in parsed:
            stats = parsed['stats_info'].items()
            parsed['stats_info'] = {k: np.asarray(v).tolist() for k, v in stats}
        return parsed

    def full_init(self) -> None:
        """Open the store, choose its sequences and cut them into windows."""
        if self._fully_initialized:
            return
        if self.synthetic is not None:
            from mmpose_ext.datasets.synthetic_store import ensure_synthetic_store

            ensure_synthetic_store(self.ann_file, **self.synthetic)
        self.store = FrameStore(self.ann_file)
        self._check_store()
        chosen = choose_sequences(self.store, self.filters)
        if self.intrinsics == 'required':
            check_intrinsics(self.store, chosen)
        self.windows = self._cut_windows(chosen)
        if self.check_finite:
            check_finite(self.store, self._used_channels(), chosen)
        if self._indices is not None:
            self.windows = self.windows.take(self._indices)
        if self.target is None:
            self._refuse_or_drop_windows_without_valid_frame()
        self._prepare_access()
        self._fully_initialized = True

    @force_full_init
    def __len__(self) -> int:
        """Number of windows."""
        return len(self.windows)

    @force_full_init
    def get_data_info(self, idx: int) -> dict[str, Any]:
        """The raw sample of a window, before the pipeline.

        Args:
            idx: Number of the window.

        Returns:
            Keys as listed for the class.
        """
        window, seq_len = self.windows, self.seq_len
        sequence, start, frames, scored = self._rows[idx].tolist()
        begin = int(self._begins[sequence])
        if frames == seq_len:
            # The usual window: plain slices, masks that all such windows share.
            rows: slice | np.ndarray = slice(begin + start, begin + start + seq_len)
            frame_ids = self._slots + start
            visible = self._all_visible
            score_mask = self._slots >= scored if scored else self._all_scored
        else:
            frame_ids = window.frame_ids(idx)
            rows = frame_ids + begin
            visible = np.repeat(
                window.valid_mask(idx)[:, None].astype(np.float32), 17, axis=1
            )
            score_mask = window.score_mask(idx)

        results = self._contexts[sequence].copy()
        results['camera_param'] = results['camera_param'].copy()
        for key, array in self._columns.items():
            results[key] = array[rows]
        if self._features:
            features = {key: array[rows] for key, array in self._features.items()}
            results['features'] = features
        if self._activity is not None:
            results['activity'] = self._activities[self._activity[rows]]
        if self._valid is not None:
            valid = self._valid[rows]
            visible = visible * valid[:, None]
            score_mask = score_mask & valid
        if self._joint_valid is not None:
            visible = visible * self._joint_valid[rows]
        results.setdefault('keypoints_visible', self._all_visible)
        results['lifting_target_visible'] = visible
        results['score_mask'] = score_mask
        results['frame_ids'] = frame_ids
        results['sample_idx'] = idx if idx >= 0 else len(window) + idx
        results['sample_name'] = f'{results["sequence"]}[{start}:{start + frames}]'
        return results

    def prepare_data(self, idx: int) -> Any:
        """Run the pipeline on a window; what goes wrong names the sample.

        Raises:
            RuntimeError: If a transform fails or returns ``None``.
        """
        results = self.get_data_info(idx)
        name = f'sample {results["sample_name"]} of {self.ann_file}'
        return run_named(self.pipeline, results, name)

    @force_full_init
    def get_subset_(self, indices: int | Sequence[int]) -> None:
        """Keep only some windows; ``indices`` as in the constructor."""
        self.windows = self.windows.take(indices)
        self._prepare_access()

    @force_full_init
    def get_subset(self, indices: int | Sequence[int]) -> LiftingDataset:
        """A dataset of some windows that shares the store with this one."""
        subset = copy.copy(self)
        subset.get_subset_(indices)
        return subset

    @property
    def metainfo(self) -> dict[str, Any]:
        """Meta information; in tests with ``protocol``, which the metric repeats."""
        metainfo = super().metainfo
        if self._fully_initialized and self.test_mode:
            metainfo['protocol'] = self.protocol()
        return metainfo

    @force_full_init
    def protocol(self) -> dict[str, Any]:
        """What a number on this data says nothing without.

        Returns:
            ``scored`` and ``seq_len``; ``root`` if models are given the true one;
            ``annotation`` if the store has more than one to choose from;
            ``valid_frames`` and ``valid_frames_known_as`` if it marks valid frames.
        """
        protocol: dict[str, Any] = {'scored': self.scored, 'seq_len': self.seq_len}
        if self.target_root:
            protocol['root'] = 'ground truth'
        header = self.store.header
        if 'annotation' in header:
            protocol['annotation'] = header['annotation']
        if 'valid' in self.store:
            used = self._valid_flags(np.unique(self.windows.sequence))
            count = sum(int(flags.sum()) for flags in used)
            known = header.get('valid_frames') or {}
            protocol['valid_frames'] = count
            if count == known.get('count'):
                protocol['valid_frames_known_as'] = known.get('known_as')
        return protocol

    @force_full_init
    def summary(self) -> str:
        """A few lines for people: what is used of which store, and how."""
        rows = [self.store.sequences[i] for i in np.unique(self.windows.sequence)]
        subjects = Counter(row.subject or '-' for row in rows)
        source = 'ground truth' if self.keypoints_2d == 'gt' else 'detector'
        targets = {'camera': 'camera, metres', 'image': 'image, pixels'}
        target = targets.get(self.target or '', 'none')
        cut = f'stride {self.stride} (tail: {self.tail}, short: {self.short})'
        if self.scored == 'centre':
            cut = 'one around each valid frame, which alone is scored'
        lines = [
            f'{self.ann_file}: {len(rows)} sequences, {sum(r.length for r in rows)} '
            f'frames -> {len(self)} windows of {self.seq_len} frames, {cut}',
            f'  {len(subjects)} subjects: {", ".join(sorted(subjects))}',
            f'  2D: {source}; target: {target}'
            + (f'; split: {self.filters["split"][0]}' if self.filters['split'] else ''),
        ]
        protocol = self.protocol()
        facts = [
            f'{key.replace("_", " ")}: {protocol[key]}'
            for key in ('root', 'annotation', 'valid_frames', 'valid_frames_known_as')
            if protocol.get(key) is not None
        ]
        if facts:
            lines.append('  ' + '; '.join(facts))
        return '\n'.join(lines)

    def __getstate__(self) -> dict[str, Any]:
        """State without the views on memory maps, which workers make again."""
        state = self.__dict__.copy()
        for views in _VIEWS:
            state.pop(views, None)
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        if self._fully_initialized:
            self._prepare_access()

    def _check_store(self) -> None:
        root = ', target_root=True' if self.target_root else ''
        reason = (
            f'keypoints_2d={self.keypoints_2d!r}, target={self.target!r}{root} and '
            f'features={list(self.features)}'
        )
        check_fields(self.store, [*self._used_channels(), *self.features], reason)
        if 'activity' in self.store and not self.store.header.get('activities'):
            raise ValueError(
                f'{self.ann_file} has the field activity, but its header does not name '
                'the activities; convert the data again'
            )

    def _used_channels(self) -> dict[str, Any]:
        """Fields that samples cannot do without, and which part of them."""
        everything = np.s_[:]
        channels: dict[str, Any] = {}
        if self.keypoints_2d == 'gt':
            channels['pose_image'] = np.s_[..., :2]
        else:
            channels |= {'keypoints_det': everything, 'scores_det': everything}
        if self.target_root:
            channels['pose_cam'] = np.s_[:, 0]
        if self.target is not None:
            channels[_TARGET_FIELDS[self.target]] = everything
        if self.target == 'image' and self.test_mode:
            channels['factor'] = everything
        if self._joint_valid_matters():
            channels['joint_valid'] = everything
        return channels

    def _joint_valid_matters(self) -> bool:
        """Detections are known where poses are not, projections are not."""
        of_use = self.target is not None or self.keypoints_2d == 'gt'
        return of_use and 'joint_valid' in self.store

    def _cut_windows(self, chosen: np.ndarray) -> WindowIndex:
        lengths = np.array([self.store.sequences[i].length for i in chosen])
        if self.scored == 'centre':
            windows = build_centre_index(self._valid_flags(chosen), self.seq_len)
        else:
            windows = build_window_index(
                lengths,
                self.seq_len,
                stride=self.stride,
                tail=self.tail,
                short=self.short,
            )
        if not len(windows):
            raise ValueError(
                f'none of the {len(chosen)} sequences of {self.ann_file} gives a '
                f'window: the longest has {lengths.max()} frames, seq_len='
                f'{self.seq_len}, scored={self.scored!r}; choose a smaller seq_len, or '
                "short='pad' or 'stretch', or sequences with valid frames"
            )
        windows.sequence[:] = chosen[windows.sequence]
        return windows

    def _refuse_or_drop_windows_without_valid_frame(self) -> None:
        """Windows of 2D alone that say nothing that counts.

        Raises:
            ValueError: If there are any and they are not to be dropped, or none is
                left.
        """
        if 'valid' not in self.store:
            return
        good = has_valid_frame(self.store, self.windows)
        if good.all():
            return
        if self.without_valid == 'drop' and good.any():
            self.windows = self.windows.take(np.flatnonzero(good))
            return
        first = int(np.argmin(good))
        row = self.store.sequences[self.windows.sequence[first]]
        start, frames = self.windows.start[first], self.windows.frames[first]
        raise ValueError(
            f'{int((~good).sum())} of {len(good)} windows of {self.ann_file} have no '
            f'valid frame, the first is {row.name}[{start}:{start + frames}]; pass '
            "without_valid='drop', or choose sequences with valid frames"
        )

    def _valid_flags(self, chosen: np.ndarray) -> list[np.ndarray]:
        """For each chosen sequence, which of its frames may be scored."""
        rows = [self.store.sequences[i] for i in chosen]
        if 'valid' not in self.store:
            return [np.ones(row.length, dtype=bool) for row in rows]
        valid = np.asarray(self.store['valid'])
        return [valid[row.start : row.start + row.length] for row in rows]

    def _prepare_access(self) -> None:
        """Everything that `get_data_info` shares between samples."""
        windows, T = self.windows, self.seq_len
        self._rows = np.stack(
            [windows.sequence, windows.start, windows.frames, windows.scored], axis=1
        )
        self._begins = np.array([row.start for row in self.store.sequences])
        self._slots = np.arange(T)
        self._all_visible = _read_only(np.ones((T, 17), dtype=np.float32))
        self._all_scored = _read_only(
            self._slots == T // 2 if self.scored == 'centre' else np.ones(T, dtype=bool)
        )
        shared = {key: self._metainfo[key] for key in _METAINFO_KEYS}
        shared['dataset_name'] = self._metainfo['dataset_name']
        self._contexts = {
            int(i): {**shared, **_context_of(self.store.sequences[i], int(i))}
            for i in np.unique(windows.sequence)
        }
        self._columns = self._open_columns()
        self._features = {key: np.asarray(self.store[key]) for key in self.features}
        used = np.unique(windows.sequence)
        all_valid = all(flags.all() for flags in self._valid_flags(used))
        self._valid = None if all_valid else np.asarray(self.store['valid'])
        of_use = self._joint_valid_matters()
        self._joint_valid = self._optional('joint_valid') if of_use else None
        self._activity = self._optional('activity')
        self._activities = np.array(self.store.header.get('activities', ()), dtype=str)

    def _optional(self, field: str) -> np.ndarray | None:
        return np.asarray(self.store[field]) if field in self.store else None

    def _open_columns(self) -> dict[str, np.ndarray]:
        """Plain views on the memory maps: slicing `np.memmap` itself is slow."""
        fields = {
            name: np.asarray(self.store[name]) for name in FIELDS if name in self.store
        }
        columns = {}
        if self.keypoints_2d == 'gt':
            columns['keypoints'] = fields['pose_image'][..., :2]
        else:
            columns['keypoints'] = fields['keypoints_det']
            columns['keypoints_visible'] = fields['scores_det']
        if self.target_root:
            columns['root_cam'] = fields['pose_cam'][:, 0]
        if self.target is None:
            return columns
        columns['lifting_target'] = fields[_TARGET_FIELDS[self.target]]
        for name in ('factor', 'pose_cam'):
            if name in fields:
                columns[name] = fields[name]
        return columns


def _context_of(row: SequenceInfo, sequence_id: int) -> dict[str, Any]:
    """What all samples of a sequence have in common."""
    assert row.image_size is not None
    camera: dict[str, Any] = {'w': row.image_size[0], 'h': row.image_size[1]}
    for key, value in {**(row.intrinsics or {}), **(row.extrinsics or {})}.items():
        if value is not None:
            camera[key] = _read_only(np.asarray(value, dtype=np.float32))
    return {
        'sequence': row.name,
        'sequence_id': sequence_id,
        'subject': row.subject,
        'action': row.action,
        'camera_name': row.camera,
        'camera_param': camera,
    }


def _as_names(names: str | Sequence[str] | None) -> tuple[str, ...] | None:
    if names is None:
        return None
    return (names,) if isinstance(names, str) else tuple(names)


def _read_only(array: np.ndarray) -> np.ndarray:
    array.flags.writeable = False
    return array
