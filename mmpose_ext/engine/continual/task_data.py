"""The data of each task: which actions, what is corrupted, what is used."""

from __future__ import annotations

import copy
from collections.abc import Sequence
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


class TaskData:
    """Datasets of tasks, made when they are asked for.

    Args:
        loader: Config of the training data loader.
        tasks: Actions of each task.
        noise: ``order``, the modalities that are corrupted in turn from the second
            task on, or ``modalities``, one a task, ``None`` where nothing is corrupted;
            ``kind`` (``'raw'`` or ``'unaligned'``), ``ratio``, ``seed``, ``recipe``:
            see ``NoisyModalityDataset``. ``None`` corrupts nothing.

    Raises:
        ValueError: If an option is unknown or out of range, or a modality is not used.
    """

    def __init__(
        self,
        loader: dict[str, Any],
        tasks: Sequence[Sequence[str]],
        noise: dict[str, Any] | None = None,
    ) -> None:
        self.loader, self.tasks = copy.deepcopy(loader), tasks
        self.noise = check_noise(noise, len(tasks), self.loader['dataset'])
        self._datasets: dict[int, NoisyModalityDataset] = {}

    def dataset(self, task: int) -> NoisyModalityDataset:
        """All training samples of a task, with their noise.

        Raises:
            ValueError: If the task has no sample.
        """
        if task not in self._datasets:
            config = copy.deepcopy(self.loader['dataset'])
            config['actions'] = list(self.tasks[task])
            try:
                clean = DATASETS.build(config)
                clean.full_init()
            except ValueError as error:
                raise ValueError(
                    f'task {task + 1} ({", ".join(self.tasks[task])}): {error}'
                ) from error
            options = {k: v for k, v in self.noise.items() if k != 'modalities'}
            options['seed'] = int(options.get('seed', 0)) + task
            modality = self.modality(task)
            if modality is None:
                options['ratio'] = 0.0
            self._datasets[task] = NoisyModalityDataset(
                clean, modality=modality, **options
            )
        return self._datasets[task]

    def modality(self, task: int) -> str | None:
        """The modality that is corrupted in a task."""
        return self.noise['modalities'][task]

    def facts(self, task: int) -> dict[str, Any] | None:
        """What is corrupted in a task, for the record."""
        if self.modality(task) is None:
            return None
        dataset = self.dataset(task)
        return {
            **{k: v for k, v in dataset.options.items() if k != 'seed'},
            'samples': len(dataset),
            'noisy': int(dataset.noisy.sum()),
        }

    def save_mask(self, task: int, folder: Path) -> None:
        """Write which samples of a task are noisy."""
        if self.modality(task) is not None:
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
        return DataLoader(
            dataset,
            batch_size=self.loader['batch_size'],
            num_workers=self.loader.get('num_workers', 0),
            collate_fn=multi_modal_collate,
        )

    def shuffled(self, dataset: Dataset) -> dict[str, Any]:
        """Config of the training loader on another dataset."""
        config = copy.deepcopy(self.loader)
        config.update(dataset=dataset, persistent_workers=False)
        return config

    def beside_memory(self, memory: Dataset, dataset: Dataset) -> dict[str, Any]:
        """Config of a loader of pairs: a remembered and a new sample.

        Batches are twice as large, so that a task has as many steps as without memory.
        """
        config = self.shuffled(ConcatDataset([memory, dataset]))
        config['batch_size'] = 2 * config['batch_size']
        config['sampler'] = dict(type='SourceTargetSampler', infinite=False)
        return config


def check_noise(
    noise: dict[str, Any] | None, num_tasks: int, dataset: dict[str, Any]
) -> dict[str, Any]:
    """Fill in the defaults of ``noise``.

    Raises:
        ValueError: As :class:`TaskData`.
    """
    noise = dict(noise or {})
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
