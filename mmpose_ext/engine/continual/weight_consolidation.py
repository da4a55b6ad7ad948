"""Which weights past tasks need: Fisher information over a sequence of tasks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from torch import Tensor

from mmpose_ext.choices import check_choice
from mmpose_ext.evaluation.functional.fisher import ESTIMATORS, Estimator

Others = Literal['replace', 'accumulate']


@dataclass(frozen=True)
class WeightConsolidation:
    """Elastic weight consolidation, generic or adaptive (Peng et al., Eq. 7 to 12).

    Args:
        weight: lambda, the factor of the penalty.
        adaptive: Average the Fisher information of the noisy branch with that of the
            task before (Eq. 8 and 9).
        beta: Weight of the new task's there.
        others: What becomes of all other weights: ``'replace'``, the new task's
            information alone, is the paper's to the letter, and protects the last task
            only; ``'accumulate'`` adds it to that of the tasks before.
        decay: Factor of what is accumulated; below 1 it is online EWC (Schwarz et al.,
            ICML 2018). It needs ``others='accumulate'``.
        estimator: ``'per_sample'`` or ``'batch'``; see ``diagonal_fisher``.
        num_batches: Most batches of the estimate, of samples drawn from the whole task;
            ``None`` for all.
        chunk_size: See ``diagonal_fisher``; ``None`` for as many as memory allows.

    Raises:
        ValueError: If an option is unknown or out of range, or has nothing to act on.
    """

    weight: float = 10_000.0
    adaptive: bool = True
    beta: float = 0.3
    others: Others = 'replace'
    decay: float = 1.0
    estimator: Estimator = 'per_sample'
    num_batches: int | None = None
    chunk_size: int | None = None

    def __post_init__(self) -> None:
        check_choice('consolidation.others', self.others, get_args(Others))
        check_choice('consolidation.estimator', self.estimator, ESTIMATORS)
        if self.weight < 0 or not (0 <= self.beta <= 1 and 0 <= self.decay <= 1):
            raise ValueError(
                f'consolidation: weight={self.weight} must not be negative, '
                f'beta={self.beta} and decay={self.decay} lie in [0, 1]'
            )
        if self.decay != 1 and self.others == 'replace':
            raise ValueError(
                f'consolidation: decay={self.decay} acts on what is accumulated, but '
                "others='replace' accumulates nothing; set others='accumulate', or "
                'leave decay out'
            )
        for name in ('num_batches', 'chunk_size'):
            size = getattr(self, name)
            if size is not None and size < 1:
                raise ValueError(
                    f'consolidation: {name}={size} must be positive, or None for all'
                )

    def combine(
        self,
        new: Mapping[str, Tensor],
        old: Mapping[str, Tensor] | None,
        noisy: str | None,
    ) -> dict[str, Tensor]:
        """Information after a task.

        Args:
            new: Estimate on the task, by name of the weight.
            old: What held before it; ``None`` at the first task.
            noisy: Modality that was noisy in the task, if one was.
        """
        if old is None:
            return dict(new)
        branch = None if noisy is None or not self.adaptive else f'encoders.{noisy}.'
        combined = {}
        for name, value in new.items():
            if branch is not None and name.startswith(branch):
                combined[name] = self.beta * value + (1 - self.beta) * old[name]
            elif self.others == 'accumulate':
                combined[name] = value + self.decay * old[name]
            else:
                combined[name] = value
        return combined
