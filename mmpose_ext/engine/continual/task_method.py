"""What a run over tasks does against forgetting and noise, read from its config."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, fields
from typing import Any, TypeVar

from mmpose_ext.choices import check_choice
from mmpose_ext.engine.continual.noise_separation import NoiseSeparation
from mmpose_ext.engine.continual.relearning import Relearning
from mmpose_ext.engine.continual.weight_consolidation import WeightConsolidation
from mmpose_ext.models.estimators import DivideMix

DATA = ('task', 'seen')

Options = Mapping[str, Any] | None
T = TypeVar('T')


@dataclass(frozen=True)
class Rehearsal:
    """Samples of earlier tasks that are learnt again beside the new ones.

    Args:
        per_task: How many of each task are kept.

    Raises:
        ValueError: If that is not positive.
    """

    per_task: int

    def __post_init__(self) -> None:
        if self.per_task < 1:
            raise ValueError(
                f'rehearsal: per_task={self.per_task} must be positive; leave '
                'rehearsal out to keep no samples'
            )


@dataclass(frozen=True)
class TaskMethod:
    """Parts of a method, ``None`` where one is left out.

    Args:
        data: ``'task'``, or ``'seen'``: all tasks so far together.
        separation: Which samples are noisy.
        consolidation: Which weights past tasks need.
        relearning: When weights go back.
        rehearsal: What is rehearsed.
    """

    data: str = 'task'
    separation: NoiseSeparation | None = None
    consolidation: WeightConsolidation | None = None
    relearning: Relearning | None = None
    rehearsal: Rehearsal | None = None

    @property
    def fit_epochs(self) -> int:
        """Epochs of fitting before the training on each task but the first."""
        return self.separation.fit_epochs if self.separation else 0

    def to_dict(self) -> dict[str, Any]:
        """All options, for checkpoints."""
        return asdict(self)


def read_method(
    *,
    epochs_per_task: int,
    data: str,
    separation: Options,
    consolidation: Options,
    relearning: Options,
    rehearsal: Options,
) -> TaskMethod:
    """Read and check the options of ``TaskIncrementalTrainLoop``.

    Raises:
        ValueError: If one is unknown, missing, out of range or does not fit the others.
    """
    check_choice('data', data, DATA)
    method = TaskMethod(
        data=data,
        separation=read_options(NoiseSeparation, 'separation', separation),
        consolidation=read_options(WeightConsolidation, 'consolidation', consolidation),
        relearning=read_options(Relearning, 'relearning', relearning),
        rehearsal=read_options(Rehearsal, 'rehearsal', rehearsal),
    )
    again = method.relearning
    if again is not None and not 0 < again.epoch < epochs_per_task:
        raise ValueError(
            f'relearning: epoch={again.epoch}; expected an epoch from 1 to '
            f'{epochs_per_task - 1}, inside the training on a task'
        )
    adaptive = method.consolidation is not None and method.consolidation.adaptive
    if adaptive and method.separation is None:
        raise ValueError(
            'consolidation: adaptive=True is about the noisy branch, which separation '
            'finds: set separation (with filter=False to leave no sample out) or '
            'adaptive=False'
        )
    if data == 'seen' and method.rehearsal is not None:
        raise ValueError(
            "data='seen' trains on all tasks so far, so there is nothing to rehearse: "
            "leave rehearsal out or set data='task'"
        )
    return method


def check_model(method: TaskMethod, model: Any) -> None:
    """Refuse a model that a method cannot train.

    Args:
        method: What is done.
        model: With ``networks``, not wrapped.

    Raises:
        ValueError: If the model lacks a loss, or is made for single tasks.
    """
    constrained = method.consolidation is not None
    if constrained and any(n.consolidation is None for n in model.networks):
        raise ValueError(
            'consolidation needs the loss in the model: set '
            "model.consolidation=dict(type='WeightConstraintLoss')"
        )
    beside = method.data == 'seen' or method.rehearsal is not None
    if beside and isinstance(model, DivideMix):
        raise ValueError(
            'DivideMix divides the samples of a single task: train it with '
            "data='task' and without rehearsal"
        )


def read_options(kind: type[T], name: str, options: Options) -> T | None:
    """Build a data class from a mapping; nothing from ``None``.

    Args:
        kind: The data class.
        name: Of the option, for messages.
        options: Its entries.

    Raises:
        ValueError: If an entry is unknown, missing or refused by the class.
    """
    if options is None:
        return None
    known = {f.name: f.default is MISSING for f in fields(kind)}  # type: ignore[arg-type]
    unknown = sorted(set(options) - set(known))
    missing = [
        entry for entry, needed in known.items() if needed and entry not in options
    ]
    if unknown or missing:
        raise ValueError(
            f'{name}={dict(options)}: unknown {unknown}, missing {missing}; it takes '
            f'{list(known)}'
        )
    return kind(**options)
