"""On-the-fly gradient modulation with generalisation enhancement."""

from __future__ import annotations

from typing import Any, Literal

import torch
from mmengine.dist import broadcast
from mmpose.registry import OPTIM_WRAPPERS
from torch import Tensor, nn
from torch.optim import Optimizer

from mmpose_ext.engine.optim_wrappers.modality_optim_wrapper import (
    ModalityOptimWrapper,
)
from mmpose_ext.engine.optim_wrappers.score_tally import ScoreTally
from mmpose_ext.models.gradient_modulation import (
    Reference,
    modality_scores,
    ogm_coefficients,
)
from mmpose_ext.models.step_generator import run_seed, step_seed, training_step

_SALT = 0x06E


@OPTIM_WRAPPERS.register_module()
class OGMGEOptimWrapper(ModalityOptimWrapper):
    """Slow dominant encoders down, add noise (Peng et al., OGM-GE, CVPR 2022).

    Made for classification and two modalities; here a modality's score is how well the
    model predicts from it alone, the other features absent, and its ratio is taken over
    the mean of the others, see :func:`ogm_coefficients`. As in the released code the
    edit concerns weights that are no vectors, and the noise has the standard deviation
    of each weight's gradient before it is scaled; that code edits convolutions of four
    dimensions only, which would leave most of our encoders out.

    Args:
        optimizer: The optimiser.
        alpha: Degree of modulation.
        score: ``'pearson'`` or ``'inverse_mpjpe'``, see :func:`modality_scores`.
        reference: ``'mean'`` or ``'min'`` of the other modalities' scores.
        noise: Add noise (GE); without, the method is OGM.
        **options: See :class:`ModalityOptimWrapper`.

    Raises:
        ValueError: If an option is out of range.
    """

    min_modalities = 2

    def __init__(
        self,
        optimizer: Optimizer,
        *,
        alpha: float = 0.3,
        score: Literal['pearson', 'inverse_mpjpe'] = 'pearson',
        reference: Reference = 'mean',
        noise: bool = True,
        **options: Any,
    ) -> None:
        super().__init__(optimizer, **options)
        if alpha < 0:
            raise ValueError(f'alpha must not be negative, got {alpha}')
        if score not in ('pearson', 'inverse_mpjpe'):
            raise ValueError(
                f"score must be 'pearson' or 'inverse_mpjpe', got {score!r}"
            )
        if reference not in ('mean', 'min'):
            raise ValueError(f"reference must be 'mean' or 'min', got {reference!r}")
        self.alpha, self.score, self.reference = alpha, score, reference
        self.noise = noise
        self._tally = ScoreTally()
        self._seed: int | None = None

    def bind(self, model: nn.Module) -> None:
        """Take the model; its fusion must be a sum of the modalities' parts."""
        super().bind(model)
        if not self.model.fusion.additive:
            raise ValueError(
                'OGM-GE compares what each modality adds to the prediction; '
                f'{type(self.model.fusion).__name__} has no such parts. Use '
                "fusion=dict(type='ConcatFusion') or 'MLPFusion', or another method, "
                'such as AGMOptimWrapper'
            )

    def observe(self) -> None:
        """Score the uni-modal predictions of the batch."""
        pose, present = self.model.last_pose, self.model.last_present
        alone = torch.eye(len(self.modalities), dtype=torch.bool, device=pose.device)
        pred = self.predict_subsets(alone)
        self._tally.add(modality_scores(pred, pose, present, kind=self.score))

    def edit_gradients(self) -> None:
        """Scale the gradients of each encoder and add noise."""
        scores = self._tally.take(len(self.modalities), self.model.last_pose.device)
        coefficients = ogm_coefficients(
            scores, alpha=self.alpha, reference=self.reference
        )
        generator = self._generator(coefficients.device) if self.noise else None
        for modality, coefficient in zip(self.modalities, coefficients, strict=True):
            for gradient in self.gradients(modality):
                if gradient.ndim > 1:
                    _modulate(gradient, coefficient, generator)
        self.log('coefficient', coefficients)

    def _generator(self, device: torch.device) -> torch.Generator:
        """Of the step's noise, which all processes must draw alike."""
        if self._seed is None:
            of_first = torch.tensor([run_seed() % 2**62], device=device)
            broadcast(of_first)
            self._seed = int(of_first)
        seed = step_seed(self._seed, training_step(), rank=0) % 2**62
        return torch.Generator(device).manual_seed(seed ^ _SALT)


def _modulate(
    gradient: Tensor, coefficient: Tensor, generator: torch.Generator | None
) -> None:
    if generator is None:
        gradient.mul_(coefficient)
        return
    noise = torch.empty_like(gradient).normal_(generator=generator)
    noise.mul_(gradient.std(correction=0) + 1e-8)
    gradient.mul_(coefficient).add_(noise)
