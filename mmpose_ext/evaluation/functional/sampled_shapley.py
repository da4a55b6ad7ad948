"""Shapley values of a game with many players, from some of its subsets.

A plan names the subsets whose profits it needs and then makes values of the profits.
The two are apart, so that profits can be gathered over many batches in between.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from mmpose_ext.evaluation.functional.shapley import coalitions, shapley_values

ProfitOf = Callable[[Tensor], Tensor]
"""From subsets ``(S, M)``, bool, to profits ``(S, ...)``."""


class ShapleyPlan(Protocol):
    """What all estimators have in common."""

    @property
    def masks(self) -> Tensor:
        """Subsets whose profits are needed ``(S, M)``, bool, none twice."""

    def estimate(self, profit: Tensor) -> tuple[Tensor, Tensor]:
        """Values and their standard errors, both ``(M, ...)``, of ``(S, ...)``."""


@dataclass(frozen=True)
class ExactPlan:
    """All subsets; the standard error is 0."""

    masks: Tensor

    @classmethod
    def of(cls, num_players: int) -> ExactPlan:
        """The plan for M players."""
        return cls(coalitions(num_players))

    def estimate(self, profit: Tensor) -> tuple[Tensor, Tensor]:
        """See :class:`ShapleyPlan`."""
        values = shapley_values(profit)
        return values, torch.zeros_like(values)


@dataclass(frozen=True)
class PermutationPlan:
    """Players that come one after the other, in random orders.

    A value is the mean of what a player adds to those before it (Castro et al., 2009).
    Antithetic orders come in pairs, one the reverse of the other (Mitchell et al.,
    2022), whose mean is one draw. Values always add up to the profit of all minus that
    of none.

    Attributes:
        masks: See :class:`ShapleyPlan`.
        rows: The row of ``masks`` after n players of an order ``(P, M + 1)``.
        orders: ``(P, M)``; with ``antithetic`` the second half reverses the first.
        antithetic: Whether orders are paired.
    """

    masks: Tensor
    rows: Tensor
    orders: Tensor
    antithetic: bool

    @classmethod
    def draw(
        cls,
        num_players: int,
        num_permutations: int,
        generator: torch.Generator | None = None,
        *,
        antithetic: bool = True,
    ) -> PermutationPlan:
        """Draw orders.

        Raises:
            ValueError: If there are fewer than two independent draws, or an odd number
                of orders is to be paired.
        """
        pairs = 2 if antithetic else 1
        if num_permutations < 2 * pairs or num_permutations % pairs:
            raise ValueError(
                'a standard error needs at least 2 permutations, or 4 and an even '
                f'number if they are paired; got num_permutations={num_permutations}'
            )
        keys = torch.rand(num_permutations // pairs, num_players, generator=generator)
        orders = keys.argsort(1)
        if antithetic:
            orders = torch.cat([orders, orders.flip(1)])
        place = orders.argsort(1)
        masks = place[:, None] < torch.arange(num_players + 1)[:, None]
        unique, rows = masks.flatten(0, 1).unique(dim=0, return_inverse=True)
        return cls(unique, rows.view(masks.shape[:2]), orders, antithetic)

    def estimate(self, profit: Tensor) -> tuple[Tensor, Tensor]:
        """See :class:`ShapleyPlan`."""
        added = profit[self.rows].diff(dim=1)
        of_player = added[torch.arange(len(added))[:, None], self.orders.argsort(1)]
        if self.antithetic:
            of_player = torch.stack(of_player.chunk(2)).mean(0)
        error = of_player.std(0) / len(of_player) ** 0.5
        return of_player.mean(0), error


@dataclass(frozen=True)
class KernelPlan:
    """Random subsets, and the additive game that fits their profits best.

    Subsets of s players are drawn in proportion to Shapley's kernel, ``1 / (s (M -
    s))`` for their size (Lundberg and Lee, 2017). The fit keeps the profits of all and
    of none, so that values add up. Paired subsets come with their complement (Covert
    and Lee, 2021). The standard error is that of the regression, from its residuals;
    it is 0 if the game is additive.

    Attributes:
        masks: See :class:`ShapleyPlan`; the first is empty, the second full.
        rows: The row of ``masks`` of each draw ``(n,)``.
        paired: Whether the second half of the draws completes the first.
    """

    masks: Tensor
    rows: Tensor
    paired: bool

    @classmethod
    def draw(
        cls,
        num_players: int,
        num_samples: int,
        generator: torch.Generator | None = None,
        *,
        paired: bool = True,
    ) -> KernelPlan:
        """Draw subsets.

        Raises:
            ValueError: If there are fewer than two players, or too few subsets to fit a
                value to each of them.
        """
        pairs = 2 if paired else 1
        if num_players < 2 or num_samples % pairs:
            raise ValueError(
                'expected at least 2 players, and an even number of samples if they '
                f'are paired; got {num_players} players, num_samples={num_samples}'
            )
        sizes = torch.arange(1, num_players, dtype=torch.float64)
        kernel = 1 / (sizes * (num_players - sizes))
        draws = num_samples // pairs
        size = 1 + kernel.multinomial(draws, replacement=True, generator=generator)
        place = torch.rand(draws, num_players, generator=generator).argsort(1)
        chosen = place < size[:, None]
        if paired:
            chosen = torch.cat([chosen, ~chosen])
        if draws < num_players or _rank(chosen) < num_players:
            raise ValueError(
                f'num_samples={num_samples} subsets do not determine the values of '
                f'{num_players} players; draw more'
            )
        unique, rows = chosen.unique(dim=0, return_inverse=True)
        ends = torch.tensor([[False], [True]]).expand(2, num_players)
        return cls(torch.cat([ends, unique]), rows + 2, paired)

    def estimate(self, profit: Tensor) -> tuple[Tensor, Tensor]:
        """See :class:`ShapleyPlan`."""
        flat = (
            profit.double().flatten(1) if profit.ndim > 1 else profit.double()[:, None]
        )
        drawn = self.masks[self.rows].to(flat)
        gain, total = flat[self.rows] - flat[0], flat[1] - flat[0]
        inverse = torch.linalg.inv(drawn.T @ drawn / len(drawn))
        along = inverse.sum(1, keepdim=True) / inverse.sum()
        # What a free fit gives, moved so that the values add up to the total.
        free = inverse @ (drawn.T @ gain / len(drawn))
        values = free - along * (free.sum(0) - total)
        influence = inverse - along * inverse.sum(0)
        moved = (drawn @ influence.T)[..., None] * (gain - drawn @ values)[:, None]
        if self.paired:
            moved = torch.stack(moved.chunk(2)).mean(0)
        number, players = moved.shape[:2]
        freedom = max(number - players + 1, 1)
        error = (moved.square().sum(0) / (number * freedom)).sqrt()
        shape = (players, *profit.shape[1:])
        return values.to(profit.dtype).view(shape), error.to(profit.dtype).view(shape)


def permutation_shapley(
    profit_of: ProfitOf,
    num_players: int,
    num_permutations: int,
    generator: torch.Generator | None = None,
    *,
    antithetic: bool = True,
) -> tuple[Tensor, Tensor]:
    """Shapley values from random orders of the players, see :class:`PermutationPlan`.

    Args:
        profit_of: From subsets ``(S, M)``, bool, to profits ``(S, ...)``; called once.
        num_players: M.
        num_permutations: Orders P.
        generator: Draws the orders.
        antithetic: Pair each order with its reverse.

    Returns:
        Values and standard errors, both ``(M, ...)``.

    Raises:
        ValueError: As :meth:`PermutationPlan.draw`.
    """
    plan = PermutationPlan.draw(
        num_players, num_permutations, generator, antithetic=antithetic
    )
    return plan.estimate(profit_of(plan.masks))


def kernel_shapley(
    profit_of: ProfitOf,
    num_players: int,
    num_samples: int,
    generator: torch.Generator | None = None,
    *,
    paired: bool = True,
) -> tuple[Tensor, Tensor]:
    """Shapley values by regression on random subsets, see :class:`KernelPlan`.

    Args:
        profit_of: From subsets ``(S, M)``, bool, to profits ``(S, ...)``; called once.
        num_players: M.
        num_samples: Subsets that are drawn, complements included.
        generator: Draws the subsets.
        paired: Draw each subset with its complement.

    Returns:
        Values and standard errors, both ``(M, ...)``.

    Raises:
        ValueError: As :meth:`KernelPlan.draw`.
    """
    plan = KernelPlan.draw(num_players, num_samples, generator, paired=paired)
    return plan.estimate(profit_of(plan.masks))


def _rank(masks: Tensor) -> int:
    return int(torch.linalg.matrix_rank(masks.double().T @ masks.double()))
