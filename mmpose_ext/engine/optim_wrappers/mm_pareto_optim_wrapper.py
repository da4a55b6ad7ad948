"""Gradients of fused and uni-modal losses that do not hurt each other."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from mmengine.dist import all_reduce_params
from mmpose.registry import OPTIM_WRAPPERS
from torch import Tensor, nn
from torch.optim import Optimizer

from mmpose_ext.engine.optim_wrappers.modality_optim_wrapper import (
    ModalityOptimWrapper,
)
from mmpose_ext.models.estimators.multi_modal_pose_estimator import FUSED
from mmpose_ext.models.gradient_modulation import pareto_factors


@OPTIM_WRAPPERS.register_module()
class MMParetoOptimWrapper(ModalityOptimWrapper):
    """Pareto steps for each encoder (Wei and Hu, MMPareto, ICML 2024).

    An encoder gets a gradient from the fused loss and one from its auxiliary head's.
    Where they conflict, their shortest convex combination replaces the sum, see
    :func:`pareto_factors`. Nothing in it needs classification; the model must have
    auxiliary heads.

    The fused loss's gradient costs a second backward pass through the encoders; the
    other one is the rest of the total, which is why no further loss may act on them.

    Args:
        optimizer: The optimiser.
        gain: Factor of the edited gradient.
        **options: See :class:`ModalityOptimWrapper`.

    Raises:
        ValueError: If ``gain`` is not positive.
    """

    def __init__(
        self, optimizer: Optimizer, *, gain: float = 1.5, **options: Any
    ) -> None:
        super().__init__(optimizer, **options)
        if gain <= 0:
            raise ValueError(f'gain must be positive, got {gain}')
        self.gain = gain
        self._fused: dict[str, list[Tensor]] = {}

    def bind(self, model: nn.Module) -> None:
        """Take the model; it must have auxiliary heads and nothing else to minimise."""
        super().bind(model)
        if not self.model.auxiliary_heads:
            raise ValueError(
                'MMPareto weighs the losses of auxiliary heads; set '
                'model.auxiliary_heads=True'
            )
        for name in ('constraint', 'consolidation'):
            if getattr(self.model, name, None) is not None:
                raise ValueError(
                    'MMPareto divides the gradient of each encoder between the fused '
                    f'and its uni-modal loss; set model.{name}=None'
                )

    def backward(self, loss: Tensor, **kwargs: Any) -> None:
        """Keep the fused loss's gradients, then differentiate the total."""
        if self.active:
            self._add_fused()
        super().backward(loss, **kwargs)

    def edit_gradients(self) -> None:
        """Weigh the two gradients of each encoder."""
        device = self.model.last_pose.device
        scale = self.scaled(torch.ones((), device=device))
        for gradients in self._fused.values():
            torch._foreach_div_(gradients, scale)
        all_reduce_params([g for gs in self._fused.values() for g in gs], op='mean')
        factors = []
        for name in self.modalities:
            total, fused = self._pairs(name)
            factors.append(
                _edit(total, fused, gain=self.gain)
                if total
                else torch.full((2,), torch.nan, device=device)
            )
        self._fused = {}
        of_fused, of_uni = torch.stack(factors, dim=1)
        self.log('fused_factor', of_fused)
        self.log('uni_modal_factor', of_uni)

    def _add_fused(self) -> None:
        model = self.model
        parameters = {name: self._parameters(name) for name in self.modalities}
        loss = model.loss_weights[FUSED] * model.last_losses[FUSED]
        gradients = torch.autograd.grad(
            self.scaled(self.scale_loss(loss)),
            [p for group in parameters.values() for p in group],
            retain_graph=True,
            allow_unused=True,
            materialize_grads=True,
        )
        rest = iter(gradients)
        for name, group in parameters.items():
            new = [next(rest) for _ in group]
            if name in self._fused:
                torch._foreach_add_(self._fused[name], new)
            else:
                self._fused[name] = new

    def _parameters(self, name: str) -> list[nn.Parameter]:
        return [p for p in self.model.encoders[name].parameters() if p.requires_grad]

    def _pairs(self, name: str) -> tuple[list[Tensor], list[Tensor]]:
        """Gradients of the total and of the fused loss, of parameters with both."""
        pairs = [
            (p.grad, gradient)
            for p, gradient in zip(
                self._parameters(name), self._fused[name], strict=True
            )
            if p.grad is not None
        ]
        return [total for total, _ in pairs], [fused for _, fused in pairs]


def _edit(total: list[Tensor], fused: list[Tensor], *, gain: float) -> Tensor:
    """Edit an encoder's total gradients; the two factors ``(2,)``."""
    uni = torch._foreach_sub(total, fused)
    products = [_inner(x, y) for x, y in ((fused, fused), (fused, uni), (uni, uni))]
    # With float16 the fused gradient can overflow where the total does not.
    finite = torch.stack(products).isfinite().all()
    factors = torch.stack(pareto_factors(*products, gain=gain))
    factors = torch.where(finite, factors, gain)
    for gradient, x, y in zip(total, fused, uni, strict=True):
        edited = factors[0] * x + factors[1] * y
        gradient.copy_(torch.where(finite, edited, gain * gradient))
    return factors


def _inner(left: Iterable[Tensor], right: Iterable[Tensor]) -> Tensor:
    products = [(x * y).sum() for x, y in zip(left, right, strict=True)]
    return torch.stack(products).sum()
