"""What each modality contributes to the predictions of a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from mmengine.dist import all_gather_object
from torch import Tensor

from mmpose_ext.choices import check_choice
from mmpose_ext.evaluation.functional.pearson import PearsonSums
from mmpose_ext.evaluation.functional.sampled_shapley import (
    ExactPlan,
    KernelPlan,
    PermutationPlan,
    ShapleyPlan,
)
from mmpose_ext.models.evaluation_mode import evaluating

MAX_EXACT = 6
PROFITS = ('pearson', 'mse')
POOLS = ('epoch', 'centred', 'batch')
ABSENT = (None, 'zero', 'mean')
ESTIMATORS = ('exact', 'permutation', 'kernel')


@dataclass(frozen=True)
class Contributions:
    """Scores of modalities, by name.

    Attributes:
        scores: Shapley values; they add up to the profit of all modalities minus that
            of none.
        errors: Their standard errors, 0 for exact ones.
        deviations_mm: Standard deviation of what each modality alone predicts, over the
            samples of a batch, mean over the coordinates, millimetres.
    """

    scores: dict[str, float]
    errors: dict[str, float]
    deviations_mm: dict[str, float]


class ContributionMeter:
    """Profits of subsets of modalities over batches, and their Shapley values.

    Encoders are not run again: all subsets go through fusion and head at once, in
    evaluation mode. Nothing waits for the device before :meth:`compute`.

    Args:
        modalities: Their names.
        plan: The subsets.
        profit: ``'pearson'``: sum over coordinates of the correlation with the truth
            (Peng et al., Eq. 2); ``'mse'``: minus the sum of mean squared errors,
            metres squared.
        pool: ``'epoch'``: profits of all samples together; ``'centred'``: the same for
            samples about the mean of their batch, so that it does not count as lack of
            correlation if predictions drift while a model is trained; ``'batch'``: the
            mean of the profits of batches, of which those with one sample do not count.
        absent: Absent feature other than the model's, see its ``predict_subsets``.

    Raises:
        ValueError: If an option is unknown.
    """

    def __init__(
        self,
        modalities: Sequence[str],
        plan: ShapleyPlan,
        *,
        profit: Literal['pearson', 'mse'] = 'pearson',
        pool: Literal['epoch', 'centred', 'batch'] = 'epoch',
        absent: Literal['zero', 'mean'] | None = None,
    ) -> None:
        check_choice('profit', profit, PROFITS)
        check_choice('pool', pool, POOLS)
        check_choice('absent', absent, ABSENT)
        self.modalities, self.plan = tuple(modalities), plan
        self.profit, self.pool, self.absent = profit, pool, absent
        alone = torch.eye(len(self.modalities), dtype=torch.bool)
        together = torch.cat([plan.masks.bool(), alone])
        self.masks, rows = together.unique(dim=0, return_inverse=True)
        self._of_plan, self._alone = rows.split([len(plan.masks), len(alone)])
        self._sums, self._within = PearsonSums(), PearsonSums()
        self._profits: Tensor | None = None
        self._batches = 0

    @torch.no_grad()
    def add(
        self, model: Any, features: Mapping[str, Tensor], present: Tensor, pose: Tensor
    ) -> None:
        """Take in a batch.

        Args:
            model: A multi-modal estimator, not wrapped.
            features: ``(B, d)`` of each modality.
            present: Which modalities each sample has ``(B, M)``.
            pose: The truth ``(B, K, 3)``, metres.
        """
        if self.masks.device != pose.device:
            self.masks = self.masks.to(pose.device)
        full = {name: feature.float() for name, feature in features.items()}
        with evaluating(model.fusion), evaluating(model.head):
            pred = model.predict_subsets(full, self.masks, present, self.absent)
        batch = PearsonSums().update(pred.flatten(2), pose.flatten(1))
        self._sums.merge(batch)
        self._within.merge(batch, centred=True)
        if self.pool == 'batch' and len(pose) > 1:
            profits = self._profit(batch)
            self._profits = profits + (0 if self._profits is None else self._profits)
            self._batches += 1

    def compute(self) -> Contributions | None:
        """The contributions over all batches of all processes; ``None`` without any."""
        states = all_gather_object(self._state())
        sums, within = PearsonSums(), PearsonSums()
        for state in states:
            sums.merge(PearsonSums().load_state_dict(state['sums']))
            part = PearsonSums().load_state_dict(state['within'])
            within.merge(part, centred=True)
        batches = sum(state['batches'] for state in states)
        if not sums.count or (self.pool == 'batch' and not batches):
            return None
        if self.pool == 'batch':
            profit = sum(state['profits'] for state in states) / batches
        else:
            profit = self._profit(within if self._centred else sums)
        values, errors = self.plan.estimate(profit[self._of_plan])
        deviations = 1000 * within.deviations()[self._alone].mean(-1)
        return Contributions(
            *(
                dict(zip(self.modalities, part.tolist(), strict=True))
                for part in (values, errors, deviations)
            )
        )

    @property
    def _centred(self) -> bool:
        """A squared error has no meaning about the means."""
        return self.pool == 'centred' and self.profit == 'pearson'

    def _profit(self, sums: PearsonSums) -> Tensor:
        if self.profit == 'mse':
            return -sums.squared_errors().sum(-1)
        return sums.correlations().sum(-1)

    def _state(self) -> dict[str, Any]:
        """What other processes need to know, in main memory."""
        profits = self._profits
        return {
            'sums': _on_cpu(self._sums),
            'within': _on_cpu(self._within),
            'profits': 0.0 if profits is None else profits.cpu(),
            'batches': self._batches,
        }


def _on_cpu(sums: PearsonSums) -> dict[str, Any]:
    state = sums.state_dict()
    return {n: v.cpu() if isinstance(v, Tensor) else v for n, v in state.items()}


def make_plan(
    estimator: str, num_modalities: int, num_samples: int, *, seed: int = 0
) -> ShapleyPlan:
    """Which subsets to look at.

    Args:
        estimator: ``'exact'``, ``'permutation'`` or ``'kernel'``.
        num_modalities: M.
        num_samples: Permutations or subsets to draw.
        seed: Of the draw.

    Raises:
        ValueError: If the estimator is unknown, or there are too many modalities for
            all subsets.
    """
    check_choice('estimator', estimator, ESTIMATORS)
    if estimator == 'exact':
        if num_modalities > MAX_EXACT:
            raise ValueError(
                f"estimator='exact' takes 2^{num_modalities} subsets for "
                f'{num_modalities} modalities; it is for {MAX_EXACT} at most: choose '
                "estimator='permutation' or 'kernel'"
            )
        return ExactPlan.of(num_modalities)
    generator = torch.Generator().manual_seed(seed)
    if estimator == 'permutation':
        return PermutationPlan.draw(num_modalities, num_samples, generator)
    return KernelPlan.draw(num_modalities, num_samples, generator)
