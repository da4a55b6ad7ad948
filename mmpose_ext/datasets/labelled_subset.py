"""A number of labelled people of a larger dataset."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from mmengine.dataset import BaseDataset, Compose
from mmpose.registry import DATASETS

from mmpose_ext.atomic_write import write_json
from mmpose_ext.datasets.dataset_view import DatasetView, annotation_id, build_people
from mmpose_ext.datasets.named_failures import run_pipeline

Subset = Literal['random', 'first']


@DATASETS.register_module()
class LabelledSubset(DatasetView):
    """N people of a stock top-down dataset, drawn once and for all.

    The paper trains on 1K, 5K and 10K people of COCO TRAIN, counted by annotation and
    not by image, that have at least one labelled joint. It draws them at random; the
    released code, and all that follow it, take the first of the file. Which they are
    depends on the annotation file, the number and the seed alone.

    Serves as the training set of supervised runs, and as ``labelled`` of
    ``SemiSupervisedDataset``, which takes the people that are left over as unlabelled
    ones. The annotation file is read once for both.

    Args:
        dataset: Config of a dataset of MMPose with ``data_mode='topdown'``, such as
            ``CocoDataset``, ``MpiiDataset`` or ``AicDataset``, or the dataset itself.
        num_instances: How many people; ``None`` takes all of them.
        subset: ``'random'`` or ``'first'``.
        subset_seed: Of the random subset.
        subset_file: JSON file with a list of annotation ids. If it exists, it says who
            is in the subset; otherwise it is written.
        pipeline: Transforms; ``None`` takes those of ``dataset``.

    Raises:
        FileNotFoundError: If ``subset_file`` is missing and there is no number by which
            to draw one.
        ValueError: If there are fewer people than asked for, an option is out of range,
            the dataset is not top-down, or ``subset_file`` has ids that it does not
            have, or another number of them.
    """

    def __init__(
        self,
        dataset: dict | BaseDataset,
        *,
        num_instances: int | None = None,
        subset: Subset = 'random',
        subset_seed: int = 0,
        subset_file: str | os.PathLike | None = None,
        pipeline: Sequence[dict | Callable] | None = None,
    ) -> None:
        if subset not in get_args(Subset):
            raise ValueError(f'subset={subset!r}; expected one of {get_args(Subset)}')
        if num_instances is not None and num_instances < 1:
            raise ValueError(
                f'num_instances={num_instances}; expected at least 1, or None for all'
            )
        parent = build_people(dataset) if isinstance(dataset, dict) else dataset
        if getattr(parent, 'data_mode', 'topdown') != 'topdown':
            raise ValueError(
                f'{type(parent).__name__} has data_mode={parent.data_mode!r}; people '
                "are counted with data_mode='topdown', one a sample"
            )
        if subset_file is not None and Path(subset_file).exists():
            numbers = _numbers_in(Path(subset_file), parent, num_instances)
        else:
            numbers = _draw(parent, num_instances, subset, subset_seed)
        super().__init__(parent, numbers)
        if subset_file is not None and not Path(subset_file).exists():
            if num_instances is None:
                raise FileNotFoundError(
                    f'{subset_file} does not exist; give num_instances to draw a '
                    'subset and write its ids there'
                )
            write_json(subset_file, self.ids)
        self.pipeline = parent.pipeline if pipeline is None else Compose(pipeline)

    def full_init(self) -> None:
        """Nothing is left to do; runners call it."""

    def __getitem__(self, index: int) -> Any:
        """A person after the pipeline; what goes wrong names the image."""
        return run_pipeline(self.pipeline, self.get_data_info(index))

    def rest(self) -> DatasetView:
        """Everybody else."""
        others = np.setdiff1d(np.arange(len(self.parent)), self.numbers)
        return DatasetView(self.parent, others)

    def everybody(self) -> DatasetView:
        """The whole dataset, this subset included."""
        return DatasetView(self.parent, np.arange(len(self.parent)))


def _draw(
    parent: BaseDataset, num_instances: int | None, subset: str, seed: int
) -> np.ndarray:
    """Numbers of the people of a subset, in the order of the file."""
    available = len(parent)
    number = available if num_instances is None else num_instances
    if number > available:
        raise ValueError(
            f'num_instances={number}, but {parent.ann_file} has only {available} '
            'people with labelled joints; ask for fewer, or leave num_instances out '
            'for all'
        )
    if subset == 'first':
        return np.arange(number)
    order = np.random.default_rng(seed).permutation(available)
    return np.sort(order[:number])


def _numbers_in(
    path: Path, parent: BaseDataset, num_instances: int | None
) -> np.ndarray:
    """Numbers of the people whose annotation ids are in a file."""
    ids = json.loads(path.read_text(encoding='utf-8'))
    if not isinstance(ids, list) or len(set(map(str, ids))) < len(ids) or not ids:
        raise ValueError(f'{path}: expected a list of different annotation ids')
    if num_instances not in (None, len(ids)):
        raise ValueError(
            f'{path} has {len(ids)} ids, but num_instances={num_instances}; remove the '
            'file to draw another subset, or leave num_instances out'
        )
    numbers = {annotation_id(parent, n): n for n in range(len(parent))}
    missing = [i for i in ids if i not in numbers]
    if missing:
        shown = ', '.join(map(str, missing[:8]))
        raise ValueError(
            f'{len(missing)} of {len(ids)} ids of {path} are not among the people with '
            f'labelled joints of {parent.ann_file}: {shown}'
            f'{", ..." if len(missing) > 8 else ""}. Use the annotation file that the '
            'subset was drawn from'
        )
    return np.sort([numbers[i] for i in ids])
