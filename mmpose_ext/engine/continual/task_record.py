"""What a run over tasks found out: errors, scores, separations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from mmpose_ext.atomic_write import write_json
from mmpose_ext.evaluation.functional.continual import (
    average_error,
    backward_transfer,
    forgetting,
    forward_transfer,
)

METRICS = ('MPJPE', 'P-MPJPE')


@dataclass
class TaskRecord:
    """Figures of a run over tasks; JSON holds all of it.

    Attributes:
        tasks: Actions of each task.
        errors: For each metric a ``T x T`` table in millimetres: on task j after
            training on task i; ``None`` where nothing was measured.
        mean_pose: Error of the mean pose of each task's training data, millimetres.
        scores: Contribution of each modality after each task.
        noise: What was corrupted in each task: ``modality``, ``kind``, ``ratio``,
            ``samples`` and how many of them are ``noisy``; ``None`` in a clean task.
        separation: What was found in each task: ``identified`` modality, ``scores``,
            ``kept`` samples, ``precision``, ``recall``, ``F1``, ``AUC``; these four are
            ``None`` where all samples are clean.
        seconds: Wall time of each task, with fitting, estimates and evaluation; what a
            killed run did after its last checkpoint does not count.
    """

    tasks: list[list[str]]
    errors: dict[str, list[list[float | None]]] = field(default_factory=dict)
    mean_pose: list[float | None] = field(default_factory=list)
    scores: list[dict[str, float] | None] = field(default_factory=list)
    noise: list[dict[str, Any] | None] = field(default_factory=list)
    separation: list[dict[str, Any] | None] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    @classmethod
    def of(cls, tasks: Sequence[Sequence[str]]) -> TaskRecord:
        """An empty record."""
        size = len(tasks)
        return cls(
            tasks=[list(actions) for actions in tasks],
            errors={name: [[None] * size for _ in tasks] for name in METRICS},
            mean_pose=[None] * size,
            scores=[None] * size,
            noise=[None] * size,
            separation=[None] * size,
            seconds=[0.0] * size,
        )

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> TaskRecord:
        """What :meth:`to_dict` gave."""
        known = cls.__dataclass_fields__
        return cls(**{name: values[name] for name in known if name in values})

    def to_dict(self) -> dict[str, Any]:
        """Everything, for JSON and checkpoints."""
        return asdict(self)

    def set_error(self, after: int, task: int, metrics: Mapping[str, float]) -> None:
        """Note the errors on a task after training on another one."""
        for name in METRICS:
            self.errors[name][after][task] = float(metrics[name])

    def matrix(self, metric: str = 'MPJPE') -> np.ndarray:
        """Errors ``(T, T)``, NaN where nothing was measured."""
        return np.array(self.errors[metric], dtype=np.float64)

    @property
    def num_learnt(self) -> int:
        """How many tasks were learnt and scored."""
        diagonal = np.diagonal(self.matrix())
        return int(np.isfinite(diagonal).cumprod().sum())

    def summary(self) -> dict[str, float]:
        """Figures after the last task that was learnt, millimetres.

        Returns:
            ``average/<metric>`` (Eq. 13), ``forgetting/<metric>``,
            ``backward_transfer/<metric>``, ``plasticity/<metric>`` (mean error on each
            task right after it), ``forward_transfer/MPJPE``; shares of tasks whose
            noisy modality was ``identified`` and the mean ``separation/F1``.
        """
        size = self.num_learnt
        if not size:
            return {}
        summary: dict[str, float] = {}
        for metric in METRICS:
            errors = self.matrix(metric)[:size, :size]
            summary[f'average/{metric}'] = float(average_error(errors)[-1])
            summary[f'plasticity/{metric}'] = float(np.diagonal(errors).mean())
            if size > 1:
                summary[f'forgetting/{metric}'] = float(forgetting(errors).mean())
                change = backward_transfer(errors).mean()
                summary[f'backward_transfer/{metric}'] = float(change)
        if size > 1 and None not in self.mean_pose[:size]:
            reference = np.array(self.mean_pose[:size], dtype=np.float64)
            errors = self.matrix()[:size, :size]
            summary['forward_transfer/MPJPE'] = float(
                forward_transfer(errors, reference).mean()
            )
        return summary | self._separation_summary(size)

    def _separation_summary(self, size: int) -> dict[str, float]:
        pairs = [
            (noise, found)
            for noise, found in zip(
                self.noise[:size], self.separation[:size], strict=True
            )
            if noise and found
        ]
        if not pairs:
            return {}
        right = [found['identified'] == noise['modality'] for noise, found in pairs]
        summary = {'identified': float(np.mean(right))}
        for name in ('precision', 'recall', 'F1', 'AUC'):
            values = [found.get(name) for _, found in pairs]
            known = [value for value in values if value is not None]
            if known:
                summary[f'separation/{name}'] = float(np.mean(known))
        return summary

    def save(self, file: Path) -> None:
        """Write everything and the summary as JSON, as a whole or not at all."""
        write_json(file, {**self.to_dict(), 'summary': self.summary()})
