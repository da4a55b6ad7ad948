"""Shapley values of a game with few players, exactly.

A game gives each subset of M players a profit. Subsets are ordered by binary number
with player 0 as the lowest bit: player m is in subset s if ``(s >> m) & 1``.
"""

from __future__ import annotations

from math import factorial

import torch
from torch import Tensor

MAX_PLAYERS = 16
"""More would take matrices of more than a million entries."""


def coalitions(num_players: int) -> Tensor:
    """All subsets of the players.

    Args:
        num_players: M.

    Returns:
        ``(2^M, M)``, bool; the first one is empty, the last one full.

    Raises:
        ValueError: If there is no player, or there are too many.
    """
    if not 1 <= num_players <= MAX_PLAYERS:
        raise ValueError(
            f'exact Shapley values are for 1 to {MAX_PLAYERS} players, got '
            f'{num_players}; sample permutations (permutation_shapley) for more'
        )
    number = torch.arange(2**num_players)
    return (number[:, None] >> torch.arange(num_players)).bitwise_and(1).bool()


def shapley_matrix(num_players: int) -> Tensor:
    """The linear map from profits to Shapley values (Shapley, 1953).

    A subset T adds with ``(|T| - 1)! (M - |T|)! / M!`` to the value of its members
    and takes ``|T|! (M - |T| - 1)! / M!`` from that of the others. This is Eq. 1 of
    Peng et al. with each subset taken once instead of once a pair.

    Args:
        num_players: M.

    Returns:
        ``(M, 2^M)``, float64.

    Raises:
        ValueError: As :func:`coalitions`.
    """
    member, count = coalitions(num_players), num_players
    total = factorial(count)
    # The last entry of the second list is never used: nobody is outside of the whole.
    inside = [factorial(max(n - 1, 0)) * factorial(count - n) for n in range(count + 1)]
    outside = [factorial(n) * factorial(count - n - 1) for n in range(count)] + [0]
    size = member.sum(1)
    gain = torch.tensor(inside, dtype=torch.float64)[size] / total
    loss = torch.tensor(outside, dtype=torch.float64)[size] / total
    return torch.where(member.T, gain, -loss)


def shapley_values(profit: Tensor) -> Tensor:
    """Exact Shapley values from the profits of all subsets.

    Args:
        profit: ``(2^M, ...)`` in the order of :func:`coalitions`.

    Returns:
        ``(M, ...)`` in the type of ``profit``; their sum over the players is the
        profit of all minus that of none.

    Raises:
        ValueError: If the number of profits is no power of two.
    """
    number = len(profit) if profit.ndim else 0
    players = number.bit_length() - 1
    if players < 1 or number != 2**players:
        raise ValueError(
            'profits of all subsets of M players are (2^M, ...), got shape '
            f'{tuple(profit.shape)}'
        )
    matrix = shapley_matrix(players).to(profit)
    return torch.tensordot(matrix, profit, dims=1)
