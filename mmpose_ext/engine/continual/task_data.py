"""The data of each task: which actions, what is corrupted, what is used."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

import numpy as np
from mmpose.registry import DATASETS
from torch.utils.data import ConcatDataset, DataLoader, Dataset

from mmpose_ext.datasets.multi_modal_collate import multi_modal_collate
from mmpose_ext.datasets.noisy_modality_dataset import (
    NoiseKind,
    NoisyModalityDataset,
)

_NOISE = ('kind', 'ratio', 'seed', 'recipe', 'order', 'modalities')


class TaskData:
    """Training data of tasks, all made at once.

    Args:
        loader: Config of the training data loader.
        tasks: Actions of each task.
        noise: ``order``, the modalities that are corrupted in turn from the second
            task on, or ``modalities``, which goes before: one a task, ``None`` where
            nothing is corrupted; ``kind`` (``'raw'`` or ``'unaligned'``), ``ratio``,
            ``seed``, ``recipe``: see ``NoisyModalityDataset``. ``None`` or a ratio of 0
            corrupt nothing.

    Raises:
        ValueError: If an option is unknown or out of range, a modality is not used or
            none is named, or a task has no sample.
    """

    def __init__(
        self,
        loader: dict[str, Any],
        tasks: Sequence[Sequence[str]],
        noise: dict[str, Any] | None = None,
    ) -> None:
        self.loader, self.tasks = copy.deepcopy(loader), tasks
        self.noise = check_noise(noise, len(tasks), self.loader['dataset'])
        self._datasets = [self._make(task) for task in range(len(tasks))]

    def dataset(self, task: int) -> NoisyModalityDataset:
        """All training samples of a task, with their noise."""
        return self._datasets[task]

    @property
    def sizes(self) -> list[int]:
        """Samples of each task."""
        return [len(dataset) for dataset in self._datasets]

    def modality(self, task: int) -> str | None:
        """The modality that is corrupted in a task."""
        return self.noise['modalities'][task]

    def describe(self, task: int) -> str:
        """The data of a task, for people."""
        return f'{", ".join(self.tasks[task])}: {self.dataset(task).summary()}'

    def facts(self, task: int) -> dict[str, Any] | None:
        """What is corrupted in a task, for the record."""
        dataset = self.dataset(task)
        if dataset.noise is None:
            return None
        return {
            **{k: v for k, v in dataset.noise.items() if k != 'seed'},
            'samples': len(dataset),
            'noisy': int(dataset.noisy.sum()),
        }

    def save_mask(self, task: int, folder: Path) -> None:
        """Write which samples of a task are noisy."""
        if self.dataset(task).noise is not None:
            self.dataset(task).save_mask(folder / f'noise_task_{task + 1}.json')

    def part(self, task: int, samples: Sequence[int] | None) -> Dataset:
        """Some samples of a task; all if ``None``."""
        dataset = self.dataset(task)
        if samples is None or len(samples) == len(dataset):
            return dataset
        return dataset.get_subset(list(samples))

    def in_order(self, dataset: Dataset) -> DataLoader:
        """A loader that goes once through a dataset, in its order.

        Every process gets all samples, so that all come to the same conclusions.
        """
        return self._once(dataset, None)

    def mixed(self, dataset: Dataset, seed: int) -> DataLoader:
        """As :meth:`in_order`, in an order that the seed alone decides.

        Neighbours of a dataset are frames of one person's one action.
        """
        size = len(dataset)  # type: ignore[arg-type]
        order = np.random.default_rng(seed).permutation(size).tolist()
        return self._once(dataset, order)

    def shuffled(self, dataset: Dataset) -> dict[str, Any]:
        """Config of the training loader on another dataset."""
        config = copy.deepcopy(self.loader)
        config.update(dataset=dataset, persistent_workers=False)
        return config

    def all_of(self, parts: Mapping[int, Sequence[int] | None]) -> Dataset:
        """Parts of several tasks together.

        Args:
            parts: Samples by task, as :meth:`part` takes them.
        """
        return ConcatDataset([self.part(task, rows) for task, rows in parts.items()])

    def beside_memory(self, memory: Dataset, dataset: Dataset) -> dict[str, Any]:
        """Config of a loader of pairs: a remembered and a new sample.

        Batches are twice as large, so that a task has as many steps as without memory.
        """
        config = self.shuffled(ConcatDataset([memory, dataset]))
        config['batch_size'] = 2 * config['batch_size']
        config['sampler'] = dict(type='SourceTargetSampler', infinite=False)
        return config

    def _make(self, task: int) -> NoisyModalityDataset:
        config = copy.deepcopy(self.loader['dataset'])
        config['actions'] = list(self.tasks[task])
        modality = self.modality(task)
        options = {k: v for k, v in self.noise.items() if k != 'modalities'}
        options['seed'] = int(options['seed']) + task
        if modality is None:
            options['ratio'] = 0.0
        try:
            clean = DATASETS.build(config)
            clean.full_init()
            return NoisyModalityDataset(clean, modality=modality, **options)
        except ValueError as error:
            actions = ', '.join(self.tasks[task])
            raise ValueError(f'task {task + 1} ({actions}): {error}') from error

    def _once(self, dataset: Dataset, order: Sequence[int] | None) -> DataLoader:
        return DataLoader(
            dataset,
            batch_size=self.loader['batch_size'],
            sampler=order,
            num_workers=self.loader.get('num_workers', 0),
            collate_fn=multi_modal_collate,
        )


def check_noise(
    noise: dict[str, Any] | None, num_tasks: int, dataset: dict[str, Any]
) -> dict[str, Any]:
    """Fill in the defaults of ``noise``.

    Raises:
        ValueError: As :class:`TaskData`.
    """
    noise = dict(noise or {})
    strange = sorted(set(noise) - set(_NOISE))
    if strange:
        raise ValueError(f'noise has no option {strange}; it takes {list(_NOISE)}')
    order = noise.pop('order', ()) or (None,)
    in_turn = [None, *(order[task % len(order)] for task in range(num_tasks - 1))]
    given = noise.pop('modalities', in_turn)
    names = [None if name in (None, 'none') else name for name in given]
    noise = {'kind': 'raw', 'ratio': 0.0, 'seed': 0, **noise}
    if len(names) != num_tasks:
        raise ValueError(
            f'noise.modalities has {len(names)} entries for {num_tasks} tasks; give '
            "one a task, 'none' where nothing is corrupted"
        )
    kinds = get_args(NoiseKind)
    if noise['kind'] not in kinds or not 0 <= noise['ratio'] < 1:
        raise ValueError(
            f'noise: kind={noise["kind"]!r} must be one of {kinds}, '
            f'ratio={noise["ratio"]} in [0, 1)'
        )
    used = dataset.get('modalities')
    wanted = {name for name in names if name is not None}
    unknown = sorted(wanted - set(wanted if used is None else used))
    if unknown:
        raise ValueError(
            f'noise on {unknown}, but the dataset uses {used}: nothing would be '
            'corrupted'
        )
    if not noise['ratio']:
        names = [None] * num_tasks
    elif not wanted and (num_tasks > 1 or not any(order)):
        raise ValueError(
            f'noise: ratio={noise["ratio"]}, but no modality is named; set order, such '
            "as ('lidar', 'wifi'), or modalities, or ratio=0"
        )
    return {**noise, 'modalities': names}


def remembered(
    num_samples: int, count: int, *, seed: int, among: Sequence[int] | None = None
) -> list[int]:
    """Draw the samples of a task that are kept for rehearsal, sorted."""
    pool = np.arange(num_samples) if among is None else np.asarray(among)
    drawn = np.random.default_rng(seed).choice(
        pool, min(count, len(pool)), replace=False
    )
    return sorted(drawn.tolist())
