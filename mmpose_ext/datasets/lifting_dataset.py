"""Windows of 2D and 3D poses for lifting, read from a FrameStore."""

from __future__ import annotations

import copy
import os
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from mmengine.dataset import BaseDataset, force_full_init
from mmpose.datasets.datasets.utils import parse_pose_metainfo
from mmpose.registry import DATASETS

from mmpose_ext.datasets.frame_store import FrameStore, SequenceInfo
from mmpose_ext.datasets.windows import SHORTS, TAILS, WindowIndex, build_window_index

JOINT_SET = 'h36m17'
_TARGET_FIELDS = {'camera': 'pose_cam', 'image': 'pose_image'}
_FIELD_SHAPES = {
    'pose_cam': (17, 3),
    'pose_image': (17, 3),
    'factor': (),
    'keypoints_det': (17, 2),
    'scores_det': (17,),
}
_METAINFO_KEYS = ('flip_indices', 'flip_pairs', 'dataset_keypoint_weights')
_CHECK_FRAMES = 1 << 14


@DATASETS.register_module()
class LiftingDataset(BaseDataset):
    """Windows of T frames of one person: 2D keypoints in, 3D pose out.

    Serves every source that is converted to a FrameStore of the joint set ``h36m17``
    (Human3.6M, motion capture through known cameras, synthetic people). Frames are
    read through memory maps that workers share; a sample is a handful of slices.

    Keys of a sample (float32 unless said otherwise):

        - keypoints ``(T, 17, 2)`` pixels; keypoints_visible ``(T, 17)`` confidence
        - lifting_target ``(T, 17, 3)``: camera frame in metres, or pixels with the
          root-relative depth in pixels; lifting_target_visible ``(T, 17)``, 0 in
          padded frames
        - factor ``(T,)`` metres per pixel; pose_cam ``(T, 17, 3)`` metres, both only
          if the store has them
        - features: dict of further fields ``(T, ...)``, only if asked for
        - score_mask ``(T,)`` bool: frames that this window scores; over all windows
          each covered frame of a sequence is true once
        - frame_ids ``(T,)`` int64 inside the sequence
        - camera_param: w, h and, if known, f, c, distortion, R, t (metres)
        - sequence, sequence_id, subject, action, camera_name, sample_name, sample_idx,
          flip_indices, flip_pairs, dataset_keypoint_weights, dataset_name

    Arrays of a sample may be read-only views; a transform that edits one copies it.

    Args:
        store: Folder of the FrameStore, relative to ``data_root``.
        ann_file: MMPose's name for the same; give one of the two.
        seq_len: Frames of a window, T.
        stride: Frames between the starts of two windows; ``None`` means ``seq_len``.
        seq_step: Same as ``stride``; give one of the two. MMPose's video inferencer
            reads ``seq_step`` of the test dataset as the step between the *frames of
            one window*, so configs that shall work there use ``stride``.
        tail: ``'drop'``, ``'last_window'`` or ``'pad'``; see
            :func:`~mmpose_ext.datasets.windows.build_window_index`.
        short: ``'pad'``, ``'drop'`` or ``'stretch'``; see there.
        keypoints_2d: ``'gt'`` (projection of the 3D pose, confidence 1) or ``'det'``
            (stored detections with their confidence).
        target: ``'camera'`` (pose_cam, metres) or ``'image'`` (pose_image, pixels).
        features: Further fields of the store that a model reads, such as image
            features; each becomes an entry of ``features``.
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
            set, values are not finite, or no sequence is long enough.
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

    def __init__(
        self,
        store: str | os.PathLike = '',
        ann_file: str | os.PathLike = '',
        *,
        seq_len: int,
        stride: int | None = None,
        seq_step: int | None = None,
        tail: str = 'last_window',
        short: str = 'pad',
        keypoints_2d: str = 'gt',
        target: str = 'camera',
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
        _check_choice('keypoints_2d', keypoints_2d, ('gt', 'det'))
        _check_choice('target', target, tuple(_TARGET_FIELDS))
        _check_choice('tail', tail, TAILS)
        _check_choice('short', short, SHORTS)
        self.seq_len = seq_len
        self.stride = next((s for s in (stride, seq_step) if s is not None), seq_len)
        if self.seq_len < 1 or self.stride < 1:
            raise ValueError(
                f'seq_len and stride must be at least 1, got {seq_len} and '
                f'{self.stride}'
            )
        self.tail, self.short = tail, short
        self.keypoints_2d, self.target = keypoints_2d, target
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
            return parse_pose_metainfo(metainfo)

    def full_init(self) -> None:
        """Open the store, choose its sequences and cut them into windows."""
        if self._fully_initialized:
            return
        if self.synthetic is not None:
            from mmpose_ext.datasets.synthetic_store import ensure_synthetic_store

            ensure_synthetic_store(self.ann_file, **self.synthetic)
        self.store = FrameStore(self.ann_file)
        self._check_store()
        chosen = self._choose_sequences()
        self.windows = self._cut_windows(chosen)
        if self.check_finite:
            self._check_values(chosen)
        if self._indices is not None:
            self.windows = self.windows.take(self._indices)
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
        name = results['sample_name']
        try:
            packed = self.pipeline(results)
        except Exception as error:
            raise RuntimeError(
                f'sample {name} of {self.ann_file}: {type(error).__name__}: {error}'
            ) from error
        if packed is None:
            raise RuntimeError(
                f'sample {name} of {self.ann_file}: a transform returned None; samples '
                'are never skipped'
            )
        return packed

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

    @force_full_init
    def summary(self) -> str:
        """A few lines for people: what is used of which store, and how."""
        rows = [self.store.sequences[i] for i in np.unique(self.windows.sequence)]
        subjects = Counter(row.subject or '-' for row in rows)
        source = 'ground truth' if self.keypoints_2d == 'gt' else 'detector'
        target = 'camera, metres' if self.target == 'camera' else 'image, pixels'
        lines = [
            f'{self.ann_file}: {len(rows)} sequences, {sum(r.length for r in rows)} '
            f'frames -> {len(self)} windows of {self.seq_len} frames, stride '
            f'{self.stride} (tail: {self.tail}, short: {self.short})',
            f'  {len(subjects)} subjects: {", ".join(sorted(subjects))}',
            f'  2D: {source}; target: {target}'
            + (f'; split: {self.filters["split"][0]}' if self.filters['split'] else ''),
        ]
        return '\n'.join(lines)

    def __getstate__(self) -> dict[str, Any]:
        """State without the views on memory maps, which workers make again."""
        state = self.__dict__.copy()
        for views in ('_columns', '_features'):
            state.pop(views, None)
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        if self._fully_initialized:
            self._prepare_access()

    def _check_store(self) -> None:
        joint_set = self.store.header['joint_set']
        if joint_set != JOINT_SET:
            raise ValueError(
                f'{self.ann_file} holds the joint set {joint_set!r}, LiftingDataset '
                f'needs {JOINT_SET!r}; convert the data with tools/dataset_converters'
            )
        for name in dict.fromkeys(self._used_fields()):
            if name not in self.store:
                raise ValueError(
                    f'{self.ann_file} has no field {name!r}, which '
                    f'keypoints_2d={self.keypoints_2d!r}, target={self.target!r} and '
                    f'features={list(self.features)} need; it has {sorted(self.store)}'
                )
        for name, shape in _FIELD_SHAPES.items():
            if name not in self.store:
                continue
            info = self.store.fields[name]
            if info.shape[1:] != shape or info.dtype != 'float32':
                raise ValueError(
                    f'{self.ann_file}: a frame of the field {name!r} is {info.dtype} '
                    f'{list(info.shape[1:])}, expected float32 {list(shape)}; convert '
                    'the data again'
                )

    def _used_fields(self) -> list[str]:
        """Fields whose values the samples cannot do without."""
        if self.keypoints_2d == 'gt':
            fields = ['pose_image']
        else:
            fields = ['keypoints_det', 'scores_det']
        fields.append(_TARGET_FIELDS[self.target])
        if self.target == 'image' and self.test_mode:
            fields.append('factor')
        return [*fields, *self.features]

    def _choose_sequences(self) -> np.ndarray:
        """Rows of the sequence table that pass the filters."""
        rows = self.store.sequences
        keep = np.ones(len(rows), dtype=bool)
        for attribute, names in self.filters.items():
            if names is None:
                continue
            values = [getattr(row, attribute) for row in rows]
            known = {value for value in values if value is not None}
            unknown = [name for name in names if name not in known]
            if unknown:
                raise ValueError(
                    f'unknown {attribute} {unknown} in {self.ann_file}; known: '
                    f'{sorted(known)}'
                )
            keep &= np.isin([str(value) for value in values], names)
        chosen = np.flatnonzero(keep)
        if not len(chosen):
            raise ValueError(
                f'no sequence of {self.ann_file} passes all of {self.filters}'
            )
        for i in chosen:
            if rows[i].image_size is None:
                raise ValueError(
                    f'{self.ann_file}: sequence {rows[i].name!r} has no image_size, '
                    'by which keypoints are normalised; convert the data again'
                )
        return chosen

    def _cut_windows(self, chosen: np.ndarray) -> WindowIndex:
        lengths = np.array([self.store.sequences[i].length for i in chosen])
        windows = build_window_index(
            lengths, self.seq_len, stride=self.stride, tail=self.tail, short=self.short
        )
        if not len(windows):
            raise ValueError(
                f'seq_len={self.seq_len} is longer than every one of the {len(chosen)} '
                f'sequences of {self.ann_file} (the longest has {lengths.max()} '
                "frames); choose a smaller seq_len, or short='pad' or 'stretch'"
            )
        windows.sequence[:] = chosen[windows.sequence]
        return windows

    def _check_values(self, chosen: Iterable[int]) -> None:
        """Raise where a used field is not finite, a few thousand frames at a time."""
        for name in dict.fromkeys(self._used_fields()):
            array = np.asarray(self.store[name])
            if name == 'pose_image' and self.target != 'image':
                array = array[..., :2]
            for i in chosen:
                row = self.store.sequences[i]
                for begin in range(0, row.length, _CHECK_FRAMES):
                    end = min(begin + _CHECK_FRAMES, row.length)
                    chunk = array[row.start + begin : row.start + end]
                    finite = np.isfinite(chunk)
                    if finite.all():
                        continue
                    bad = int(np.argmin(finite.reshape(len(chunk), -1).all(axis=1)))
                    raise ValueError(
                        f'{self.ann_file}: field {name!r} is not finite in sequence '
                        f'{row.name!r}, frame {begin + bad}; repair the source or '
                        'leave the sequence out'
                    )

    def _prepare_access(self) -> None:
        """Everything that `get_data_info` shares between samples."""
        windows, T = self.windows, self.seq_len
        self._rows = np.stack(
            [windows.sequence, windows.start, windows.frames, windows.scored], axis=1
        )
        self._begins = np.array([row.start for row in self.store.sequences])
        self._slots = np.arange(T)
        self._all_visible = _read_only(np.ones((T, 17), dtype=np.float32))
        self._all_scored = _read_only(np.ones(T, dtype=bool))
        shared = {key: self._metainfo[key] for key in _METAINFO_KEYS}
        shared['dataset_name'] = self._metainfo['dataset_name']
        self._contexts = {
            int(i): {**shared, **_context_of(self.store.sequences[i], int(i))}
            for i in np.unique(windows.sequence)
        }
        self._columns = self._open_columns()
        self._features = {key: np.asarray(self.store[key]) for key in self.features}

    def _open_columns(self) -> dict[str, np.ndarray]:
        """Plain views on the memory maps: slicing `np.memmap` itself is slow."""
        fields = {
            name: np.asarray(self.store[name])
            for name in _FIELD_SHAPES
            if name in self.store
        }
        columns = {'lifting_target': fields[_TARGET_FIELDS[self.target]]}
        if self.keypoints_2d == 'gt':
            columns['keypoints'] = fields['pose_image'][..., :2]
        else:
            columns['keypoints'] = fields['keypoints_det']
            columns['keypoints_visible'] = fields['scores_det']
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


def _check_choice(name: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise ValueError(f'{name} must be one of {known}, got {value!r}')


def _as_names(names: str | Sequence[str] | None) -> tuple[str, ...] | None:
    if names is None:
        return None
    return (names,) if isinstance(names, str) else tuple(names)


def _read_only(array: np.ndarray) -> np.ndarray:
    array.flags.writeable = False
    return array
