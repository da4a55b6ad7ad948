"""Adaptive gradient modulation."""

from __future__ import annotations

from typing import Any, Literal

from mmpose.registry import OPTIM_WRAPPERS
from torch import Tensor
from torch.optim import Optimizer

from mmpose_ext.engine.optim_wrappers.modality_optim_wrapper import (
    ModalityOptimWrapper,
)
from mmpose_ext.engine.optim_wrappers.score_tally import ScoreTally, sum_and_count
from mmpose_ext.evaluation.functional.shapley import coalitions, shapley_values
from mmpose_ext.models.gradient_modulation import (
    agm_coefficients,
    agm_ratios,
    modality_scores,
)


@OPTIM_WRAPPERS.register_module()
class AGMOptimWrapper(ModalityOptimWrapper):
    """Bring the modalities' scores back to their usual ratio (Li et al., ICCV 2023).

    A modality's own output is its Shapley share of the model's output, so any fusion
    will do. Where the paper leaves inputs out, features are left out here, which costs
    no further pass of the encoders; and the model's output without any modality goes to
    each modality whole, not in M parts: for absolute poses it is metres of offset.
    The score is minus the cross entropy there; here see :func:`modality_scores`.

    The paper scales what flows back through the modality's output. For an additive
    fusion this is the encoder's gradient, which is scaled here for all fusions; the
    head's gradient is left alone.

    Args:
        optimizer: The optimiser.
        alpha: Degree of modulation.
        score: ``'pearson'`` or ``'negative_mpjpe'``.
        cap: See :func:`agm_coefficients`.
        **options: See :class:`ModalityOptimWrapper`; the paper clips the gradient's
            norm to 1.

    Raises:
        ValueError: If an option is out of range.
    """

    min_modalities = 2

    def __init__(
        self,
        optimizer: Optimizer,
        *,
        alpha: float = 1.0,
        score: Literal['pearson', 'negative_mpjpe'] = 'pearson',
        cap: float = 10.0,
        **options: Any,
    ) -> None:
        super().__init__(optimizer, **options)
        if alpha < 0 or cap <= 0:
            raise ValueError(
                f'expected alpha of at least 0 and a positive cap, got {alpha}, {cap}'
            )
        if score not in ('pearson', 'negative_mpjpe'):
            raise ValueError(
                f"score must be 'pearson' or 'negative_mpjpe', got {score!r}"
            )
        self.alpha, self.score, self.cap = alpha, score, cap
        self._tally = ScoreTally()
        self._ratio_sums: Tensor | None = None

    def observe(self) -> None:
        """Score each modality's share of the predictions of the batch."""
        pose, present = self.model.last_pose, self.model.last_present
        masks = coalitions(len(self.modalities)).to(pose.device)
        pred = self.predict_subsets(masks)
        share = pred[0] + shapley_values(pred)
        self._tally.add(modality_scores(share, pose, present, kind=self.score))

    def edit_gradients(self) -> None:
        """Scale the gradients of each encoder."""
        scores = self._tally.take(len(self.modalities), self.model.last_pose.device)
        ratios = agm_ratios(scores)
        coefficients = agm_coefficients(
            ratios, self._running_mean(ratios), alpha=self.alpha, cap=self.cap
        )
        for modality, coefficient in zip(self.modalities, coefficients, strict=True):
            for gradient in self.gradients(modality):
                gradient.mul_(coefficient)
        self.log('coefficient', coefficients)

    def modulation_state(self) -> dict[str, Any]:
        """Sums and counts of the ratios so far."""
        return {} if self._ratio_sums is None else {'ratio_sums': self._ratio_sums}

    def load_modulation_state(self, state: dict[str, Any]) -> None:
        """Go on with the sums of an earlier run."""
        self._ratio_sums = state.get('ratio_sums')

    def _running_mean(self, ratios: Tensor) -> Tensor:
        """Mean ratio of each modality, this step included ``(M,)``."""
        new = sum_and_count(ratios)
        if self._ratio_sums is not None:
            new = new + self._ratio_sums.to(new.device)
        self._ratio_sums = new
        return new[0] / new[1]
