"""Stock datasets of people, and some of the samples of one."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from mmengine.dataset import BaseDataset
from mmengine.fileio import exists
from mmpose.registry import DATASETS
from torch.utils.data import Dataset

from mmpose_ext.datasets.rendered_sets import command_for


class DatasetView(Dataset):
    """Samples of a stock dataset by number; they are not copied.

    Args:
        parent: A dataset of MMEngine or MMPose.
        numbers: Of the samples ``(N,)``.
    """

    def __init__(self, parent: BaseDataset, numbers: np.ndarray) -> None:
        self.parent = parent
        self.numbers = numbers

    def __len__(self) -> int:
        """How many samples."""
        return len(self.numbers)

    @property
    def metainfo(self) -> dict[str, Any]:
        """Meta information of the parent."""
        return self.parent.metainfo

    @property
    def ids(self) -> list[int]:
        """Annotation ids of the samples, in the order of the file."""
        return [annotation_id(self.parent, number) for number in self.numbers.tolist()]

    def summary(self) -> str:
        """One line for people."""
        return (
            f'{len(self)} of the {len(self.parent)} people of '
            f'{getattr(self.parent, "ann_file", type(self.parent).__name__)}'
        )

    def get_data_info(self, index: int) -> dict[str, Any]:
        """The raw sample, before any pipeline."""
        return self.parent.get_data_info(int(self.numbers[index]))


def annotation_id(dataset: BaseDataset, number: int) -> int:
    """Id of the annotation that a sample comes from, or its number if it has none."""
    # Not the method of MMPose's datasets, which copies meta information each time.
    return BaseDataset.get_data_info(dataset, number).get('id', number)


def build_people(config: dict[str, Any]) -> Any:
    """Build a dataset that must hold somebody.

    Args:
        config: Of a dataset.

    Raises:
        FileNotFoundError: If its annotation file is missing.
        ValueError: If nobody is in it.
    """
    try:
        dataset = DATASETS.build(config)
        if isinstance(dataset, BaseDataset):
            dataset.full_init()
    except (AssertionError, FileNotFoundError) as error:
        # MMPose's datasets assert that the file exists.
        missing = _missing_annotations(config)
        if missing is None:
            raise
        raise FileNotFoundError(missing) from error
    except ValueError as error:
        # How MMEngine takes an empty list of samples.
        if 'at least one array to concatenate' not in str(error):
            raise
        raise ValueError(
            f'{config.get("type")} finds nobody in {config.get("ann_file")!r}: it '
            'counts people with a box and labelled joints. For images without '
            "annotations use dict(type='UnlabelledPersons', boxes=...), which takes "
            'boxes of a detector'
        ) from error
    return dataset


def _missing_annotations(config: dict[str, Any]) -> str | None:
    """What to do about an annotation file that does not exist, ``None`` if it does."""
    root, name = config.get('data_root') or '', config.get('ann_file')
    if not isinstance(name, str) or not name:
        return None
    path = name if '://' in name else os.path.join(root, name)
    if exists(path):
        return None
    command = command_for(root)
    instead = 'put the data there, or change data_root and ann_file'
    return f'{path} does not exist; {f"make it: {command}" if command else instead}'
