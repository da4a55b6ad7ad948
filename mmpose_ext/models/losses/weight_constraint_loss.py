"""A pull of weights to where they were, by their importance."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from mmpose.registry import MODELS
from torch import Tensor, nn


def weight_constraint(
    parameters: Sequence[Tensor],
    reference: Sequence[Tensor],
    stiffness: Sequence[Tensor],
) -> Tensor:
    """Half the sum of ``stiffness * (parameter - reference)^2``.

    With the Fisher information times a strength as stiffness this is the adaptive
    weight constraint of Peng et al. (CVPR 2026) and elastic weight consolidation
    (Kirkpatrick et al., 2017), both with the factor 1/2. All tensors go through a few
    fused kernels, forward and backward.

    Args:
        parameters: Weights, any shapes.
        reference: Where they are pulled to, of the same shapes.
        stiffness: Not negative, of the same shapes.

    Returns:
        A scalar, float32; its gradient by a parameter is ``stiffness * (parameter -
        reference)``.
    """
    return _WeightConstraint.apply(list(reference), list(stiffness), *parameters)


class _WeightConstraint(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, reference: list[Tensor], stiffness: list[Tensor], *parameters: Tensor
    ) -> Tensor:
        moved = torch._foreach_sub([p.detach() for p in parameters], reference)
        gradient = torch._foreach_mul(moved, stiffness)
        # Nothing in these products is negative, so that their norm is their sum.
        torch._foreach_mul_(moved, gradient)
        sums = torch._foreach_norm(moved, 1)
        ctx.save_for_backward(*gradient)
        return torch.stack(list(sums)).float().sum() / 2

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor) -> tuple[Any, ...]:
        gradient = list(ctx.saved_tensors)
        return (None, None, *torch._foreach_mul(gradient, upstream[0]))


@MODELS.register_module()
class WeightConstraintLoss(nn.Module):
    """:func:`weight_constraint` with a strength for each group of parameters.

    It is 0 until someone sets it, such as ``FisherInformationHook``, which also keeps
    its state in checkpoints: nothing of it is in the state dict of a model.

    Args:
        loss_weight: Factor of the loss.

    Attributes:
        reference: Where weights are pulled to, by name.
        stiffness: Strength times Fisher information, by name.
    """

    def __init__(self, loss_weight: float = 1.0) -> None:
        super().__init__()
        self.loss_weight = loss_weight
        self.reference: dict[str, Tensor] = {}
        self.stiffness: dict[str, Tensor] = {}

    @property
    def active(self) -> bool:
        """Whether it has been set."""
        return bool(self.reference)

    def set(
        self,
        reference: Mapping[str, Tensor],
        fisher: Mapping[str, Tensor],
        strengths: Mapping[str, float] | float,
    ) -> None:
        """Start to pull.

        Args:
            reference: Weights by name; copied.
            fisher: Their importance, of the same names and shapes.
            strengths: By group, which is what a name has before its first dot
                (``rgb`` of ``rgb.linear.weight``), or one number for all. A group of
                strength 0 is left alone.

        Raises:
            ValueError: If names or shapes differ, a group has no strength, or a
                strength is negative.
        """
        _check_alike('fisher', fisher, reference)
        strength_of = {name: _strength(strengths, name) for name in reference}
        held = [name for name, strength in strength_of.items() if strength]
        self.reference = {name: reference[name].detach().clone() for name in held}
        self.stiffness = {
            name: fisher[name].detach() * strength_of[name] for name in held
        }

    def clear(self) -> None:
        """Stop to pull."""
        self.reference, self.stiffness = {}, {}

    def forward(
        self, named_parameters: Mapping[str, Tensor] | Iterable[tuple[str, Tensor]]
    ) -> Tensor:
        """The loss, a scalar, float32.

        Args:
            named_parameters: Weights by name, as ``named_parameters()`` of a module
                gives them; others than those of the reference are left alone.

        Raises:
            ValueError: If a weight of the reference is missing.
        """
        parameters = dict(named_parameters)
        if not self.active:
            example = next(iter(parameters.values()), torch.zeros(()))
            return torch.zeros((), device=example.device)
        chosen = {n: parameters[n] for n in self.reference if n in parameters}
        _check_alike('named_parameters', chosen, self.reference)
        return self.loss_weight * weight_constraint(
            list(chosen.values()),
            list(self.reference.values()),
            list(self.stiffness.values()),
        )


def _strength(strengths: Mapping[str, float] | float, name: str) -> float:
    if isinstance(strengths, Mapping):
        group = name.partition('.')[0]
        if group not in strengths:
            raise ValueError(
                f'the parameter {name!r} belongs to the group {group!r}, which has no '
                f'strength; there are {sorted(strengths)}'
            )
        strength = float(strengths[group])
    else:
        strength = float(strengths)
    if not strength >= 0:
        raise ValueError(f'a strength must not be negative, got {strength} ({name})')
    return strength


def _check_alike(
    what: str, given: Mapping[str, Tensor], reference: Mapping[str, Tensor]
) -> None:
    differing = sorted(given.keys() ^ reference.keys()) or [
        name for name in reference if given[name].shape != reference[name].shape
    ]
    if differing:
        raise ValueError(
            f'{what} and reference differ in {len(differing)} names or shapes: '
            f'{differing[:5]}; the model may have changed since the reference was taken'
        )
