"""Frames of MM-Fi in which a sensor fails now and then."""

from __future__ import annotations

import copy
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Literal, get_args

import numpy as np
from mmpose.registry import DATASETS
from torch.utils.data import Dataset

from mmpose_ext.atomic_write import write_json
from mmpose_ext.datasets.mmfi_dataset import Index, MMFiDataset
from mmpose_ext.datasets.modality_noise import (
    ColumnStatistics,
    draw_noisy,
    draw_partners,
    phase_noise,
    raw_noise,
    read_recipes,
    sample_generator,
)
from mmpose_ext.datasets.named_failures import run_named
from mmpose_ext.datasets.windows import chosen_rows

NoiseKind = Literal['raw', 'unaligned']

_MOST_READ = 2000


@DATASETS.register_module()
class NoisyModalityDataset(Dataset):
    """Samples of ``MMFiDataset``, in some of which one modality is corrupted.

    The setting of denoising continual learning (Peng et al., arXiv 2501.05264v1,
    section 4.1): one modality fails in 20 or 40 % of the samples of a task, poses stay
    right. How it fails is not public; these are proposals:

        - ``'raw'``: the input is noise of the range that the modality has; see
          :func:`~mmpose_ext.datasets.modality_noise.raw_noise`. Means, deviations and
          boxes are those of at most 2,000 samples, evenly spread.
        - ``'unaligned'``: the input is that of another sample of the dataset, the phase
          of WiFi and the mark whether it is valid with it.

    Which samples, whose inputs and what noise depends on the seed and the number of the
    sample alone: a sample is the same in every epoch, worker and resumed run. Both
    kinds choose the same samples. The input is corrupted before the pipeline, all
    frames of a window together. A sample that lacks the modality still counts as noisy;
    raw noise leaves it lacking.

    Keys of a sample: those of ``MMFiDataset``, and ``noisy``, bool.

    Args:
        dataset: ``MMFiDataset`` or its config.
        modality: The one that fails; ``None`` leaves all as they are.
        kind: ``'raw'`` or ``'unaligned'``.
        ratio: Share of noisy samples, from 0 to below 1; ``round(ratio * N)`` are.
        seed: Of all choices, from 0 on.
        recipe: Options of raw noise by modality, such as
            ``dict(lidar=dict(mode='add', strength=0.5))``; ``mode='replace'`` if not
            named.

    Raises:
        ValueError: If an option is out of range, the dataset does not use the modality,
            or there are too few samples to exchange inputs.
    """

    def __init__(
        self,
        dataset: dict | MMFiDataset,
        *,
        modality: str | None = None,
        kind: NoiseKind = 'raw',
        ratio: float = 0.2,
        seed: int = 0,
        recipe: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        if kind not in get_args(NoiseKind):
            raise ValueError(f'kind={kind!r}; expected one of {get_args(NoiseKind)}')
        if not 0 <= ratio < 1 or seed < 0:
            raise ValueError(
                f'ratio={ratio}, seed={seed}; expected a share of noisy samples from 0 '
                'to below 1 and a seed from 0 on'
            )
        self.dataset: MMFiDataset = (
            DATASETS.build(dataset) if isinstance(dataset, dict) else dataset
        )
        self.dataset.full_init()
        if modality is not None and modality not in self.dataset.modalities:
            raise ValueError(
                f'modality={modality!r} cannot be corrupted: the dataset uses '
                f'{list(self.dataset.modalities)}; choose one of these'
            )
        self.modality, self.kind, self.ratio, self.seed = modality, kind, ratio, seed
        self.recipes = read_recipes(recipe)
        size = len(self.dataset)
        self._numbers = np.arange(size)
        self._noisy = draw_noisy(size, 0.0 if modality is None else ratio, seed)
        self._partners = self._numbers
        if kind == 'unaligned' and self._noisy.any():
            if size < 2:
                raise ValueError(
                    f"kind='unaligned' exchanges inputs between samples, but there is "
                    f'only {size}; take more frames or actions'
                )
            others = draw_partners(size, seed)
            self._partners = np.where(self._noisy, others, self._numbers)
        self._statistics = self._measure()

    def full_init(self) -> None:
        """Nothing is left to do; runners call it."""

    def __len__(self) -> int:
        """Number of samples."""
        return len(self._numbers)

    @property
    def noisy(self) -> np.ndarray:
        """Which samples are corrupted, ``(N,)`` bool."""
        return self._noisy[self._numbers]

    @property
    def partners(self) -> np.ndarray:
        """Whose input each sample has, ``(N,)``, counted in the whole dataset."""
        return self._partners[self._numbers]

    @property
    def noise(self) -> dict[str, Any] | None:
        """What is corrupted, for records; ``None`` if nothing is."""
        if self.modality is None or not self._noisy.any():
            return None
        return self.options

    @property
    def options(self) -> dict[str, Any]:
        """What was asked for: ``modality``, ``kind``, ``ratio`` and ``seed``."""
        return {
            'modality': self.modality,
            'kind': self.kind,
            'ratio': self.ratio,
            'seed': self.seed,
        }

    @property
    def modalities(self) -> tuple[str, ...]:
        """Modalities of a sample."""
        return self.dataset.modalities

    @property
    def metainfo(self) -> dict[str, Any]:
        """Meta information of the dataset."""
        return self.dataset.metainfo

    def facts(self) -> dict[str, Any]:
        """What a number on this data says nothing without."""
        facts = self.dataset.facts() | {'frames': len(self)}
        return facts if self.noise is None else facts | {'noise': self.noise}

    def mean_pose(self) -> list[list[float]] | None:
        """Mean pose of the training part, 17 x 3 metres, in the camera frame."""
        return self.dataset.mean_pose()

    def summary(self) -> str:
        """One line for people."""
        used = f'{len(self)} of its samples used, ' if self._is_subset else ''
        if self.noise is None:
            return f'{self.dataset.summary()}; {used}none corrupted'
        return (
            f'{self.dataset.summary()}; {used}{int(self.noisy.sum())} with '
            f'{self.kind} noise on {self.modality} (seed {self.seed})'
        )

    def get_data_info(self, index: Index) -> dict[str, Any]:
        """The sample before the pipeline, corrupted if it has to be.

        Args:
            index: Number of the sample, or a tuple of it and of the numbers of
                modalities that count as absent.
        """
        position, absent = index if isinstance(index, tuple) else (index, ())
        number = int(self._numbers[position])
        results = self.dataset.get_data_info((number, absent))
        results['noisy'] = bool(self._noisy[number])
        results['sample_idx'] = position if position >= 0 else len(self) + position
        if results['noisy']:
            if self.kind == 'raw':
                self._spoil(results, number)
            else:
                self._exchange(results, (int(self._partners[number]), absent))
        return results

    def __getitem__(self, index: Index) -> Any:
        """A sample after the pipeline; what goes wrong names it.

        Raises:
            RuntimeError: If a transform fails or returns ``None``.
        """
        results = self.get_data_info(index)
        name = f'frame {results["frame_id"]} of {results["sequence"]}'
        return run_named(self.dataset.pipeline, results, name)

    def __getitems__(self, indices: Sequence[Index]) -> list[Any]:
        """Samples of a batch."""
        return [self[index] for index in indices]

    def get_subset(self, indices: int | Sequence[int]) -> NoisyModalityDataset:
        """Some of the samples, corrupted as they are here.

        Args:
            indices: Numbers of the samples, the first n or the last -n.
        """
        subset = copy.copy(self)
        subset._numbers = self._numbers[chosen_rows(indices)]
        return subset

    def save_mask(self, path: str | os.PathLike) -> None:
        """Write which samples are corrupted as JSON, whole or not at all.

        Always of the whole dataset, whatever subset this is.
        """
        numbers = np.flatnonzero(self._noisy)
        infos = [self.dataset.get_data_info(number) for number in numbers.tolist()]
        recipe = self.recipes[self.modality] if self.modality else None
        content = {
            **self.options,
            'recipe': asdict(recipe) if recipe and self.kind == 'raw' else None,
            'num_samples': len(self._noisy),
            'samples': numbers.tolist(),
            'partners': self._partners[numbers].tolist(),
            'sequences': [info['sequence'] for info in infos],
            'frames': [info['frame_id'] for info in infos],
        }
        write_json(path, content)

    @property
    def _is_subset(self) -> bool:
        return len(self._numbers) < len(self._noisy)

    def _measure(self) -> ColumnStatistics | None:
        """Statistics that raw noise of the modality needs."""
        name = self.modality
        if self.kind != 'raw' or name in (None, 'wifi') or not self._noisy.any():
            return None
        size = len(self.dataset)
        spread = np.linspace(0, size - 1, min(size, _MOST_READ)).astype(np.int64)
        infos = (self.dataset.get_data_info(int(number)) for number in spread)
        return ColumnStatistics.of([info[name] for info in infos])

    def _spoil(self, results: dict[str, Any], number: int) -> None:
        name = str(self.modality)
        recipe, generator = self.recipes[name], sample_generator(self.seed, number)
        results[name] = raw_noise(
            name, results[name], self._statistics, recipe, generator
        )
        if name == 'wifi' and 'wifi_phase' in results:
            phase = phase_noise(results['wifi_phase'], recipe, generator)
            results['wifi_phase'] = phase

    def _exchange(self, results: dict[str, Any], partner: Index) -> None:
        name = str(self.modality)
        other = self.dataset.get_data_info(partner)
        results['valid'][name] = other['valid'][name]
        for key in (name, f'{name}_phase'):
            if key in other:
                results[key] = other[key]
