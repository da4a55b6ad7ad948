"""Frames of MM-Fi with any of its modalities, read from a FrameStore."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from mmengine.dataset import BaseDataset, force_full_init
from mmpose.registry import DATASETS

from mmpose_ext.choices import check_choice
from mmpose_ext.datasets.frame_store import FrameStore
from mmpose_ext.datasets.lifting_dataset import LiftingDataset
from mmpose_ext.datasets.mmfi_layout import (
    ACTIONS,
    MODALITIES,
    MODALITY_FILES,
    POINT_MODALITIES,
    environment_of,
)
from mmpose_ext.datasets.mmfi_splits import SUBSETS, actions_of, split_mmfi
from mmpose_ext.datasets.mmfi_store_checks import check_mmfi_store, check_mmfi_values
from mmpose_ext.datasets.named_failures import run_named
from mmpose_ext.datasets.windows import chosen_rows

EMPTY_RADAR = ('drop', 'keep')
_VIEWS = ('_poses', '_bits', '_readers', '_phase', '_nearest')

Index = int | tuple[int, Sequence[int]]
"""A sample, or a sample and the numbers of modalities that it shall lack."""


@DATASETS.register_module()
class MMFiDataset(BaseDataset):
    """One frame of a person: what several sensors measured, and the 3D pose.

    MM-Fi (Yang et al., NeurIPS 2023, CC BY-NC 4.0): 40 people in four rooms do 27
    actions before a camera, a LiDAR, a radar and a WiFi link, 297 frames at 10 Hz each.
    ``tools/dataset_converters/mmfi_to_store.py`` packs the release.

    The radar sees nothing when nobody moves, in about 18 % of the frames. The toolbox
    of the data set leaves these out in runs with radar only, so that runs with and
    without radar are scored on different frames. Here ``drop_on`` decides, whatever
    modalities are in use.

    Samples come in the order of the toolbox: people as they come up in the split,
    their actions, frames. Keys of a sample (float32 unless said otherwise):

        - rgb ``(T, 17, 2)`` keypoints of the colour image, pixels; lidar ``(N, 3)``
          metres; mmwave ``(N, 5)``: x, y, z, Doppler, intensity; wifi ``(3, 114, 10)``
          amplitude as measured, without holes, and wifi_phase likewise, radians, if the
          store has it; each only if asked for
        - valid: dict of bool, whether the sample has the modality at all. Of a cloud:
          whether its window has a point
        - pose ``(17, 3)``: camera frame, metres, absolute
        - image_size ``(width, height)``, pixels
        - sequence (such as ``'E01_S01_A02'``), sequence_id, frame_id (in the sequence,
          from 0), sample_idx, subject, action, environment

    Arrays of a sample may be read-only views; a transform that edits one copies it.

    Args:
        store: Folder of the FrameStore, relative to ``data_root``.
        modalities: Some of ``'rgb'``, ``'lidar'``, ``'mmwave'``, ``'wifi'``, in this
            order.
        protocol: 1 (daily life, 14 actions), 2 (rehabilitation, 13) or 3 (all 27).
        split: ``'random'`` (S1), ``'cross_subject'`` (S2), ``'cross_environment'`` (S3)
            or ``'manual'``; see :mod:`mmpose_ext.datasets.mmfi_splits`.
        subset: ``'train'`` or ``'val'``.
        ratio: Share of the people that train, of the random split: 0.8 in the toolbox,
            0.75 in papers.
        split_seed: Of the random split.
        manual: Lists of the manual split.
        windows: Odd numbers of frames around that of the sample, for ``'rgb'``,
            ``'lidar'`` and ``'mmwave'``; those not named have one. Keypoints are
            repeated at the ends of a sequence, and a frame without any takes those of
            the nearest frame that has; points of all frames are put together.
        empty_radar: ``'drop'`` or ``'keep'`` frames without radar points.
        drop_on: Modalities whose invalid frames are left out, in use or not;
            ``empty_radar='keep'`` takes the radar from them.
        actions: Some of the actions of the split, such as those of one task.
        frame_stride: Take every n-th frame of a sequence.
        mmfi: Options of ``ensure_synthetic_mmfi``, which makes a store of simulated
            people on first use.
        data_root: Folder that ``store`` is relative to.
        metainfo: Meta information in MMPose's format; ``None`` means Human3.6M's.
        indices: Use only these samples (a list), the first n or the last -n.
        pipeline: Transforms.
        test_mode: Whether this dataset is for evaluation.
        lazy_init: Open the store at first use instead of now.

    Raises:
        FileNotFoundError: If the store or one of its files is missing.
        ValueError: If an option is unknown, the store lacks a modality, values are not
            finite, or no sample is left.
    """

    METAINFO: dict = LiftingDataset.METAINFO

    store: FrameStore
    modalities: tuple[str, ...]
    _fully_initialized: bool
    _sequence: np.ndarray
    _frame: np.ndarray
    _spans: list[tuple[int, int]]
    _contexts: dict[int, dict[str, Any]]
    _poses: np.ndarray
    _bits: np.ndarray
    _readers: list[tuple[str, np.ndarray, int, int, np.ndarray | None]]
    _phase: np.ndarray | None
    _nearest: np.ndarray | None

    def __init__(
        self,
        store: str | os.PathLike,
        *,
        modalities: Sequence[str] = MODALITIES,
        protocol: int = 1,
        split: str = 'random',
        subset: str = 'train',
        ratio: float = 0.8,
        split_seed: int = 0,
        manual: Mapping[str, Any] | None = None,
        windows: Mapping[str, int] | None = None,
        empty_radar: str = 'drop',
        drop_on: Sequence[str] = ('mmwave',),
        actions: Sequence[str] | None = None,
        frame_stride: int = 1,
        mmfi: dict[str, Any] | None = None,
        data_root: str | os.PathLike | None = '',
        metainfo: dict[str, Any] | None = None,
        indices: int | Sequence[int] | None = None,
        pipeline: Sequence[dict | Callable] = (),
        test_mode: bool = False,
        lazy_init: bool = False,
    ) -> None:
        self.modalities = check_modalities(modalities)
        check_choice('subset', subset, SUBSETS)
        check_choice('empty_radar', empty_radar, EMPTY_RADAR)
        self.protocol, self.split, self.subset = protocol, split, subset
        self.ratio, self.split_seed = ratio, split_seed
        self.parts = split_mmfi(
            split, actions_of(protocol), ratio=ratio, seed=split_seed, manual=manual
        )
        self.windows = _check_windows(
            dict(rgb=27, mmwave=5) if windows is None else windows
        )
        self.empty_radar = empty_radar
        # The command line makes a plain string of a list of one name.
        drop_on = (drop_on,) if isinstance(drop_on, str) else tuple(drop_on)
        unknown = [name for name in drop_on if name not in MODALITIES]
        if unknown:
            raise ValueError(
                f'drop_on={list(drop_on)}; expected some of {list(MODALITIES)}'
            )
        kept = ('mmwave',) if empty_radar == 'keep' else ()
        self.drop_on = tuple(n for n in MODALITIES if n in drop_on and n not in kept)
        self.actions = None if actions is None else self._check_actions(actions)
        if frame_stride < 1:
            raise ValueError(f'frame_stride={frame_stride}; expected 1 or more')
        self.frame_stride = frame_stride
        self.mmfi = copy.deepcopy(mmfi)
        self._mean_pose: list[list[float]] | None = None
        super().__init__(
            ann_file=os.fspath(store),
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
        return LiftingDataset._load_metainfo(metainfo)

    def full_init(self) -> None:
        """Open the store and list the samples."""
        if self._fully_initialized:
            return
        if self.mmfi is not None:
            from mmpose_ext.datasets.synthetic_mmfi import ensure_synthetic_mmfi

            ensure_synthetic_mmfi(self.ann_file, **self.mmfi)
        self.store = FrameStore(self.ann_file)
        check_mmfi_store(self.store, self.modalities, self.drop_on)
        self._sequence, self._frame, self.num_dropped = self._list_samples(self.subset)
        if not len(self._sequence):
            raise self._nothing_left()
        check_mmfi_values(self.store, self.modalities, np.unique(self._sequence))
        if self._indices is not None:
            self._take(self._indices)
        self._prepare_access()
        self._fully_initialized = True

    @force_full_init
    def __len__(self) -> int:
        """Number of samples."""
        return len(self._sequence)

    @force_full_init
    def get_data_info(self, idx: Index) -> dict[str, Any]:
        """The raw sample, before the pipeline.

        Args:
            idx: Number of the sample, or a tuple of it and of the numbers of modalities
                that count as absent, as samplers that drop modalities give it.

        Returns:
            Keys as listed for the class.
        """
        number, absent = idx if isinstance(idx, tuple) else (idx, ())
        sequence, frame = int(self._sequence[number]), int(self._frame[number])
        begin, length = self._spans[sequence]
        results = self._contexts[sequence].copy()
        bits = int(self._bits[begin + frame])
        valid = {}
        for name, array, half, bit, offsets in self._readers:
            if offsets is not None:
                first = offsets[begin + max(frame - half, 0)]
                last = offsets[begin + min(frame + half, length - 1) + 1]
                results[name] = array[first:last]
                valid[name] = bool(first < last)
                continue
            valid[name] = bits & bit > 0
            if name == 'rgb':
                results[name] = array[self._rows(begin, frame, length, half)]
            else:
                results[name] = array[begin + frame]
        if self._phase is not None:
            results['wifi_phase'] = self._phase[begin + frame]
        for position in absent:
            valid[self.modalities[position]] = False
        results['valid'] = valid
        results['pose'] = self._poses[begin + frame]
        results['frame_id'] = frame
        results['sample_idx'] = number if number >= 0 else len(self._frame) + number
        return results

    def prepare_data(self, idx: Index) -> Any:
        """Run the pipeline on a sample; what goes wrong names it.

        Raises:
            RuntimeError: If a transform fails or returns ``None``.
        """
        results = self.get_data_info(idx)
        name = f'frame {results["frame_id"]} of {results["sequence"]}'
        return run_named(self.pipeline, results, f'{name} in {self.ann_file}')

    @force_full_init
    def get_subset_(self, indices: int | Sequence[int]) -> None:
        """Keep only some samples; ``indices`` as in the constructor."""
        self._take(indices)

    @force_full_init
    def get_subset(self, indices: int | Sequence[int]) -> MMFiDataset:
        """A dataset of some samples that shares the store with this one."""
        subset = copy.copy(self)
        subset.get_subset_(indices)
        return subset

    @property
    def metainfo(self) -> dict[str, Any]:
        """Meta information; in tests with ``protocol`` and ``mean_pose``."""
        metainfo = super().metainfo
        if self._fully_initialized and self.test_mode:
            metainfo['protocol'] = self.facts()
            metainfo['mean_pose'] = self.mean_pose()
        return metainfo

    @force_full_init
    def facts(self) -> dict[str, Any]:
        """What a number on this data says nothing without."""
        facts: dict[str, Any] = {'protocol': self.protocol, 'split': self.split}
        if self.split == 'random':
            facts |= {'ratio': self.ratio, 'split_seed': self.split_seed}
        if self.actions is not None:
            facts['actions'] = list(self.actions)
        if self.frame_stride > 1:
            facts['frame_stride'] = self.frame_stride
        return facts | {
            'dropped_on': list(self.drop_on),
            'frames': len(self),
            'simulated': 'synthetic' in self.store.header,
        }

    @force_full_init
    def mean_pose(self) -> list[list[float]] | None:
        """Mean pose of the training part, 17 x 3 metres, in the camera frame.

        A guess that looks at nothing; ``None`` if the store has no training part.
        """
        if self._mean_pose is None:
            sequence, frame, _ = self._list_samples('train')
            if len(sequence):
                starts = np.array([row.start for row in self.store.sequences])
                poses = self._poses[starts[sequence] + frame]
                self._mean_pose = poses.mean(axis=0, dtype=np.float64).tolist()
        return self._mean_pose

    @force_full_init
    def summary(self) -> str:
        """One line for people: what is used of which store."""
        rows = [self.store.sequences[i] for i in np.unique(self._sequence)]
        split = {'random': f'random split {self.ratio:g} (seed {self.split_seed})'}
        dropped = ''
        if self.drop_on:
            share = self.num_dropped / (self.num_dropped + len(self))
            dropped = f' ({share:.1%} left out for want of {" or ".join(self.drop_on)})'
        return (
            f'{self.ann_file}: protocol {self.protocol}, '
            f'{split.get(self.split, self.split)}, {self.subset}: '
            f'{len({row.subject for row in rows})} people, '
            f'{len({row.action for row in rows})} actions, {len(rows)} sequences, '
            f'{len(self)} frames{dropped}; {"+".join(self.modalities)}'
        )

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

    def _check_actions(self, actions: Sequence[str]) -> tuple[str, ...]:
        names = (actions,) if isinstance(actions, str) else tuple(actions)
        of_split = {
            a for part in self.parts.values() for done in part.values() for a in done
        }
        unknown = [name for name in names if name not in of_split]
        if unknown or not names:
            raise ValueError(
                f'actions={list(names)}: {unknown} are not among those of protocol '
                f'{self.protocol}, split {self.split!r}: '
                f'{[name for name in ACTIONS if name in of_split]}'
            )
        return names

    def _list_samples(self, subset: str) -> tuple[np.ndarray, np.ndarray, int]:
        """Sequence and frame of each sample, and how many were left out."""
        table = {
            (row.subject, row.action): i for i, row in enumerate(self.store.sequences)
        }
        bits = np.asarray(self.store['modality_valid'])
        needed = sum(MODALITY_FILES[name].bit for name in self.drop_on)
        sequences, frames, dropped = [], [], 0
        for subject, actions in self.parts[subset].items():
            for action in actions:
                number = table.get((subject, action))
                if number is None or (self.actions and action not in self.actions):
                    continue
                row = self.store.sequences[number]
                frame = np.arange(0, row.length, self.frame_stride)
                kept = frame[bits[row.start + frame] & needed == needed]
                dropped += len(frame) - len(kept)
                sequences.append(np.full(len(kept), number))
                frames.append(kept)
        if not sequences:
            return np.empty(0, np.int64), np.empty(0, np.int64), 0
        return np.concatenate(sequences), np.concatenate(frames), dropped

    def _nothing_left(self) -> ValueError:
        subjects = sorted({str(row.subject) for row in self.store.sequences})
        actions = sorted({str(row.action) for row in self.store.sequences})
        reason = (
            f'all {self.num_dropped} frames are invalid in one of {self.drop_on}'
            if self.num_dropped
            else f'the store has subjects {subjects} and actions {actions}'
        )
        return ValueError(
            f'no sample of {self.ann_file} belongs to {self.subset!r} of protocol '
            f'{self.protocol}, split {self.split!r}'
            + (f', actions {list(self.actions)}' if self.actions else '')
            + f': {reason}; choose another split, or convert more of the data'
        )

    def _take(self, indices: int | Sequence[int]) -> None:
        chosen = chosen_rows(indices)
        self._sequence, self._frame = self._sequence[chosen], self._frame[chosen]

    def _rows(
        self, begin: int, frame: int, length: int, half: int
    ) -> slice | np.ndarray:
        """Frames of the store in a window of keypoints."""
        if half <= frame < length - half and self._nearest is None:
            return slice(begin + frame - half, begin + frame + half + 1)
        rows = np.arange(frame - half, frame + half + 1).clip(0, length - 1) + begin
        return rows if self._nearest is None else self._nearest[rows]

    def _prepare_access(self) -> None:
        """Everything that `get_data_info` shares between samples."""
        # Plain views on the memory maps: slicing `np.memmap` itself is slow.
        store = self.store
        self._poses = np.asarray(store['pose_cam'])
        self._bits = np.asarray(store['modality_valid'])
        self._readers = []
        for name in self.modalities:
            files, half = MODALITY_FILES[name], self.windows.get(name, 1) // 2
            offsets = store.offsets(files.field) if name in POINT_MODALITIES else None
            array = np.asarray(store[files.field])
            self._readers.append((name, array, half, files.bit, offsets))
        use_phase = 'wifi' in self.modalities and 'csi_phase' in store
        self._phase = np.asarray(store['csi_phase']) if use_phase else None
        self._spans = [(row.start, row.length) for row in store.sequences]
        self._nearest = None
        if 'rgb' in self.modalities:
            has = self._bits & MODALITY_FILES['rgb'].bit > 0
            self._nearest = None if has.all() else _nearest_true(has, self._spans)
        self._contexts = {}
        for number, row in enumerate(store.sequences):
            self._contexts[number] = {
                'image_size': row.image_size,
                'sequence': row.name,
                'sequence_id': number,
                'subject': row.subject,
                'action': row.action,
                'environment': environment_of(str(row.subject)),
            }


def check_modalities(modalities: Sequence[str]) -> tuple[str, ...]:
    """Some of the modalities, each once and in their order.

    Raises:
        ValueError: If that is not so.
    """
    names = (modalities,) if isinstance(modalities, str) else tuple(modalities)
    if not names or names != tuple(name for name in MODALITIES if name in names):
        raise ValueError(
            f'modalities={list(names)}; expected some of {list(MODALITIES)}, each once '
            'and in this order'
        )
    return names


def _check_windows(windows: Mapping[str, int]) -> dict[str, int]:
    unknown = [name for name in windows if name not in MODALITIES]
    if unknown:
        raise ValueError(
            f'windows of unknown modalities {unknown}; expected some of '
            f'{list(MODALITIES)}'
        )
    for name, frames in windows.items():
        if frames < 1 or frames % 2 == 0 or (name == 'wifi' and frames > 1):
            raise ValueError(
                f'windows[{name!r}]={frames}; expected an odd number of frames around '
                "that of the sample, such as 5, and 1 for 'wifi'"
            )
    return dict(windows)


def _nearest_true(flags: np.ndarray, spans: Sequence[tuple[int, int]]) -> np.ndarray:
    """For each frame the nearest one of its sequence that is true, or itself."""
    nearest = np.arange(len(flags))
    for begin, length in spans:
        here = flags[begin : begin + length]
        good = np.flatnonzero(here)
        if len(good) in (0, length):
            continue
        after = np.searchsorted(good, np.arange(length)).clip(max=len(good) - 1)
        before = (after - 1).clip(min=0)
        frame = np.arange(length)
        closer = abs(good[before] - frame) <= abs(good[after] - frame)
        nearest[begin : begin + length] = begin + good[np.where(closer, before, after)]
    return nearest
