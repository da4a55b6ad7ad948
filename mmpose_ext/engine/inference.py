"""What a lifter makes of a dataset."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmpose.registry import DATASETS
from mmpose.structures import PoseDataSample
from rich.progress import track
from torch import Tensor

ENTANGLED, POSE_2D, DEPTH = 'entangled', '2d', 'depth'
"""Kinds of features: of a lifter with one feature, and the two of PrML."""


@dataclass(frozen=True)
class LiftedFrames:
    """Frames that a lifter saw and a dataset scores, each once, in order of time.

    Attributes:
        sequence: Rows of the store's sequence table, ``(N,)``.
        frame: Frames inside the sequence, ``(N,)``.
        pred: Predicted poses ``(N, K, 3)``, metres, relative to the root.
        truth: True poses, alike; 0 for joints that are not seen.
        seen: Joints with a truth, ``(N, K)``, bool.
        inputs: What the network saw: normalised x, y and, if it takes one, confidence,
            ``(N, K, C)``.
        features: What the regression heads saw, by kind, each ``(N, K, C)``; empty
            unless asked for.
    """

    sequence: np.ndarray
    frame: np.ndarray
    pred: np.ndarray
    truth: np.ndarray
    seen: np.ndarray
    inputs: np.ndarray
    features: dict[str, np.ndarray] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.frame)

    def labels(self, dataset: Any, attribute: str) -> np.ndarray:
        """An attribute of each frame's sequence, such as its action, ``(N,)``."""
        rows = dataset.store.sequences
        names = [str(getattr(row, attribute) or 'unknown') for row in rows]
        return np.array(names)[self.sequence]

    def store_rows(self, dataset: Any) -> np.ndarray:
        """Where the frames lie in the fields of the dataset's store, ``(N,)``."""
        starts = np.array([row.start for row in dataset.store.sequences])
        return starts[self.sequence] + self.frame

    def input_pixels(self, dataset: Any) -> np.ndarray:
        """What the network saw, the codec's normalisation undone: pixels (N, K, 2)."""
        sizes = [row.image_size or (0, 0) for row in dataset.store.sequences]
        size = np.array(sizes, dtype=np.float32)[self.sequence][:, None]
        width = size[..., :1]
        shift = np.concatenate([np.ones_like(width), size[..., 1:] / width], axis=-1)
        return (self.inputs[..., :2] + shift) * width / 2


def build_scored_dataset(cfg: Config) -> Any:
    """The test dataset of a config, without sequences that its metric skips.

    Raises:
        ValueError: If the config tests on something else than a ``LiftingDataset``.
    """
    dataset = DATASETS.build(cfg.test_dataloader.dataset)
    if not hasattr(dataset, 'store') or not hasattr(dataset, 'windows'):
        raise ValueError(
            f'{cfg.filename} tests on {type(dataset).__name__}; expected a '
            'LiftingDataset, whose frames can be told apart'
        )
    skipped = tuple(
        name
        for evaluator in evaluator_configs(cfg)
        for name in evaluator.get('skip_sequences', ())
    )
    if not skipped:
        return dataset
    names = [row.name.startswith(skipped) for row in dataset.store.sequences]
    return dataset.get_subset(
        np.flatnonzero(~np.array(names)[dataset.windows.sequence])
    )


def evaluator_configs(cfg: Config) -> list[Any]:
    """The metrics that a config tests with; it may give one, or several in a list."""
    evaluators = cfg.test_evaluator
    return list(evaluators) if isinstance(evaluators, list | tuple) else [evaluators]


@torch.no_grad()
def predict(
    model: Any, dataset: Any, *, batch_size: int = 64, title: str = 'lifting'
) -> Iterator[tuple[list[dict], list[PoseDataSample]]]:
    """Run a lifter over a dataset, with a progress bar.

    Args:
        model: In evaluation mode, on its device.
        dataset: Its samples are ``dict(inputs=..., data_samples=...)``.
        batch_size: Windows of a batch.
        title: Of the progress bar.

    Yields:
        The samples of a batch, and their data samples with predictions.
    """
    starts = range(0, len(dataset), batch_size)
    for start in track(starts, title, total=len(starts)):
        stop = min(start + batch_size, len(dataset))
        samples = [dataset[i] for i in range(start, stop)]
        yield samples, model.test_step(pseudo_collate(samples))


def input_keypoints(sample: dict) -> Tensor:
    """The normalised keypoints ``(T, K, C)`` of a packed sample."""
    inputs = sample['inputs']
    return inputs['keypoints'] if isinstance(inputs, dict) else inputs


def lift_dataset(
    model: Any,
    dataset: Any,
    *,
    batch_size: int = 64,
    with_features: bool = False,
    title: str = 'lifting',
) -> LiftedFrames:
    """Collect what a lifter predicts for the frames that a dataset scores.

    Args:
        model: In evaluation mode, on its device.
        dataset: A ``LiftingDataset`` with a pipeline.
        batch_size: Windows of a batch.
        with_features: Also collect the features before the regression heads.
        title: Of the progress bar.
    """
    columns: defaultdict[str, list[np.ndarray]] = defaultdict(list)
    features: defaultdict[str, list[np.ndarray]] = defaultdict(list)
    batches = predict(model, dataset, batch_size=batch_size, title=title)
    with _watch_features(model, with_features) as last_features:
        for samples, outputs in batches:
            batch = _columns(samples, outputs)
            mask = batch.pop('score_mask') & batch['seen'].any(axis=-1)
            for name, column in batch.items():
                columns[name].append(column[mask])
            for kind, feature in last_features.items():
                # A flip test appends the mirrored windows, which are left out.
                own = feature[: len(outputs)].float().cpu().numpy()
                features[kind].append(own[mask])
    arrays = {name: np.concatenate(parts) for name, parts in columns.items()}
    order = np.lexsort((arrays['frame'], arrays['sequence']))
    return LiftedFrames(
        **{name: array[order] for name, array in arrays.items()},
        features={kind: np.concatenate(p)[order] for kind, p in features.items()},
    )


def split_features(features: Any) -> dict[str, Tensor]:
    """Features before the regression heads, by kind.

    Args:
        features: What a backbone or neck returns: one tensor ``(B, T, K, C)``, or
            those of the 2D pose and of the depth first (PrML).

    Raises:
        ValueError: If it is neither.
    """
    if isinstance(features, Tensor):
        return {ENTANGLED: features}
    if isinstance(features, tuple) and len(features) >= 2:
        return {POSE_2D: features[0], DEPTH: features[1]}
    raise ValueError(
        f'the network returns {type(features).__name__} before its head; expected one '
        'feature, or a tuple of those of the 2D pose and the depth'
    )


@contextmanager
def _watch_features(model: Any, enabled: bool) -> Iterator[dict[str, Tensor]]:
    """What the last module before the head returned, by kind, batch after batch."""
    features: dict[str, Tensor] = {}

    def keep(module: Any, inputs: Any, output: Any) -> None:
        features.update(split_features(output))

    if not enabled:
        yield features
        return
    module = model.neck if model.with_neck else model.backbone
    handle = module.register_forward_hook(keep)
    try:
        yield features
    finally:
        handle.remove()


def _columns(
    samples: list[dict], outputs: list[PoseDataSample]
) -> dict[str, np.ndarray]:
    """Arrays ``(B, T, ...)`` of a batch, named as in :class:`LiftedFrames`."""
    metas = [sample.metainfo for sample in outputs]
    frame = np.stack([meta['frame_ids'] for meta in metas])
    sequence = np.array([meta['sequence_id'] for meta in metas])
    truth = torch.stack([s.gt_instances.lifting_target for s in outputs]).cpu().numpy()
    weights = [s.gt_instance_labels.lifting_target_weight for s in outputs]
    seen = torch.stack(weights).cpu().numpy() > 0
    return {
        'score_mask': np.stack([meta['score_mask'] for meta in metas]),
        'sequence': np.broadcast_to(sequence[:, None], frame.shape),
        'frame': frame,
        'pred': np.stack([sample.pred_instances.keypoints for sample in outputs]),
        'truth': np.where(seen[..., None], truth, 0),
        'seen': seen,
        'inputs': torch.stack([input_keypoints(s) for s in samples]).numpy(),
    }
