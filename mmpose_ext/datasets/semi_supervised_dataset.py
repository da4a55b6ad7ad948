"""Labelled people and unlabelled ones in one dataset."""

from __future__ import annotations

import bisect
import contextlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from mmengine.dataset import BaseDataset, Compose
from mmengine.dist import sync_random_seed
from mmpose.registry import DATASETS
from torch.utils.data import ConcatDataset

from mmpose_ext.datasets.dataset_view import DatasetView, build_people
from mmpose_ext.datasets.labelled_subset import LabelledSubset
from mmpose_ext.datasets.named_failures import run_pipeline
from mmpose_ext.datasets.seeded_draw import seeded_draw
from mmpose_ext.datasets.skeleton_overlap import shared_joints

People: TypeAlias = BaseDataset | DatasetView
Pipeline: TypeAlias = Sequence[dict | Callable]

_WITHOUT_LABELS = frozenset(
    (
        *('img_id', 'img_path', 'img_shape', 'id', 'sample_idx', 'category_id'),
        *('bbox', 'bbox_score', 'bbox_center', 'bbox_scale'),
        *('dataset_name', 'flip_indices', 'flip_pairs', 'skeleton_links'),
        *('upper_body_ids', 'lower_body_ids', 'dataset_keypoint_weights'),
    )
)
"""What an unlabelled sample keeps; nothing that tells a joint of the person."""


@DATASETS.register_module()
class SemiSupervisedDataset(ConcatDataset):
    """Labelled people first, unlabelled ones after them, each with a pipeline.

    ``SourceTargetSampler`` draws pairs from it and ``semi_supervised_collate`` stacks
    them. Of an unlabelled person the pipeline sees the image and the box alone: all
    fields that tell something of joints are removed before it, so that no transform can
    make use of them.

    A sample is asked for by its number, or by its number and that of the draw, as
    ``SourceTargetSampler(draws=True)`` gives them. Then its random transforms depend on
    the seed and the draw alone, whichever worker does them and whatever was drawn
    before, and a resumed run goes on with the samples of an uninterrupted one.

    Args:
        labelled: Config of ``LabelledSubset`` or of any top-down dataset of MMPose.
        unlabelled: Config of ``UnlabelledPersons`` or of any top-down dataset; or
            ``'rest'``, the people of the labelled subset's file that are not in it, as
            in the paper; or ``'all'``, everybody in the file, as in the released code.
        labelled_pipeline: Transforms of labelled people, ending with
            ``PackSemiSupervisedInputs``; ``None`` takes those of ``labelled``.
        unlabelled_pipeline: Transforms of unlabelled people; ``None`` takes those of
            ``unlabelled``.
        joint_map: Names of joints of the unlabelled skeleton and what the labelled one
            calls them, where names differ. A check that the skeletons fit, and the
            source of ``shared_joints``; it changes no sample.
        seed: Of the transforms of numbered draws; the same in all processes. ``None``
            takes one from the run's seed, as the sampler does.

    Attributes:
        shared_joints: Joints of the labelled skeleton that the unlabelled one has too,
            ``(K,)`` bool; also in ``metainfo``. All of them, if nothing is known. The
            model does not read it: students learn all joints of unlabelled people
            unless ``model.pseudo_labels.joints`` names those that :meth:`summary`
            gives.

    Raises:
        ValueError: If nobody is in a part or it has no pipeline, ``unlabelled`` is a
            word but ``labelled`` no subset, or the skeletons have nothing in common.
    """

    datasets: list[Any]

    def __init__(
        self,
        labelled: dict | People,
        unlabelled: dict | People | str = 'rest',
        *,
        labelled_pipeline: Pipeline | None = None,
        unlabelled_pipeline: Pipeline | None = None,
        joint_map: Mapping[str, str] | None = None,
        seed: int | None = None,
    ) -> None:
        people = build_people(labelled) if isinstance(labelled, dict) else labelled
        others = _unlabelled_people(people, unlabelled)
        super().__init__([people, others])
        self.pipelines = (
            _pipeline(people, labelled_pipeline, 'labelled_pipeline'),
            _pipeline(others, unlabelled_pipeline, 'unlabelled_pipeline'),
        )
        self.shared_joints = shared_joints(people.metainfo, others.metainfo, joint_map)
        self.seed = sync_random_seed() if seed is None else seed

    def full_init(self) -> None:
        """Nothing is left to do; runners call it."""

    @property
    def metainfo(self) -> dict[str, Any]:
        """Meta information of the labelled people, and ``shared_joints``."""
        return {**self.datasets[0].metainfo, 'shared_joints': self.shared_joints}

    def summary(self) -> str:
        """Lines for people: who is in it, and which joints both have, if not all."""
        lines = []
        for role, part in zip(('labelled', 'unlabelled'), self.datasets, strict=True):
            plain = f'{len(part)} people of {type(part).__name__}'
            text = part.summary() if hasattr(part, 'summary') else plain
            lines.append(f'{role + ":":12}{text}')
        shared = self.shared_joints.nonzero()[0]
        if len(shared) < len(self.shared_joints):
            lines.append(
                f'{"joints:":12}{len(shared)} of {len(self.shared_joints)} in both; to '
                'learn these alone of unlabelled people: '
                f'model.pseudo_labels.joints={",".join(map(str, shared))}'
            )
        return '\n'.join(lines)

    def get_data_info(self, index: int) -> dict[str, Any]:
        """The raw sample, before the pipeline, without labels if it has to be."""
        role, within = self._locate(index)
        sample = self.datasets[role].get_data_info(within)
        if role == 0:
            return sample
        return {key: sample[key] for key in sample.keys() & _WITHOUT_LABELS}

    def __getitem__(self, index: int | tuple[int, int]) -> Any:
        """A person after the pipeline.

        Args:
            index: Number of the sample, or a pair of it and the number of the draw.

        Raises:
            RuntimeError: If a transform fails; the image is named.
        """
        index, draw = index if isinstance(index, tuple) else (index, None)
        pipeline = self.pipelines[self._locate(index)[0]]
        sample = self.get_data_info(index)
        again = (
            contextlib.nullcontext() if draw is None else seeded_draw(self.seed, draw)
        )
        with again:
            return run_pipeline(pipeline, sample)

    def _locate(self, index: int) -> tuple[int, int]:
        """Which part a sample is in, and its number there."""
        if not -len(self) <= index < len(self):
            raise IndexError(f'sample {index} of {len(self)}')
        index %= len(self)
        role = bisect.bisect_right(self.cumulative_sizes, index)
        return role, index - (self.cumulative_sizes[0] if role else 0)


def _unlabelled_people(labelled: People, unlabelled: dict | People | str) -> People:
    """Those of a dataset, or of the labelled subset's file."""
    if isinstance(unlabelled, dict):
        return build_people(unlabelled)
    if not isinstance(unlabelled, str):
        return unlabelled
    if unlabelled not in ('rest', 'all'):
        raise ValueError(
            f"unlabelled={unlabelled!r}; expected 'rest', 'all' or the config of a "
            'dataset'
        )
    if not isinstance(labelled, LabelledSubset):
        raise ValueError(
            f'unlabelled={unlabelled!r} needs labelled=dict(type="LabelledSubset", '
            f'dataset=..., num_instances=...), got {type(labelled).__name__}'
        )
    others = labelled.rest() if unlabelled == 'rest' else labelled.everybody()
    if not len(others):
        raise ValueError(
            f'all {len(labelled)} people are labelled and nobody is left; lower '
            "num_instances, take unlabelled='all', or give another dataset"
        )
    return others


def _pipeline(people: People, pipeline: Pipeline | None, name: str) -> Compose:
    if pipeline is not None:
        return Compose(pipeline)
    own = getattr(people, 'pipeline', None)
    if own is None or not own.transforms:
        raise ValueError(
            f'{name} is missing; it ends with '
            "dict(type='PackSemiSupervisedInputs', role=...)"
        )
    return own
