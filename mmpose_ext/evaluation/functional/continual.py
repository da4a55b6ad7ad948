"""What a sequence of tasks does to a learner: averages, forgetting, transfer.

All functions take the matrix ``errors[i, j]``: the error on task j after training on
task i, NaN where it was not measured. Errors are better the smaller they are.
"""

from __future__ import annotations

import numpy as np


def average_error(errors: np.ndarray) -> np.ndarray:
    """Mean error over the tasks seen so far (Peng et al., Eq. 13).

    Args:
        errors: ``(T, T)``.

    Returns:
        ``(T,)``; each task counts the same, however many frames it has.
    """
    seen = np.tril(np.ones_like(errors, dtype=bool))
    return np.where(seen, errors, 0).sum(1) / seen.sum(1)


def forgetting(errors: np.ndarray) -> np.ndarray:
    """How much worse each earlier task is at the end than it once was.

    Args:
        errors: ``(T, T)``.

    Returns:
        ``(T - 1,)``: the last error on task j minus the least one from task j on, never
        below 0 (Chaudhry et al., ECCV 2018, for errors).
    """
    last = errors.shape[0] - 1
    best = [np.nanmin(errors[j:, j]) for j in range(last)]
    return errors[last, :last] - np.array(best)


def backward_transfer(errors: np.ndarray) -> np.ndarray:
    """Change of the error on each earlier task since it was learnt.

    Args:
        errors: ``(T, T)``.

    Returns:
        ``(T - 1,)``: the last error on task j minus the one right after it; positive is
        forgetting (Lopez-Paz and Ranzato, NeurIPS 2017, for errors).
    """
    last = errors.shape[0] - 1
    return errors[last, :last] - np.diagonal(errors)[:last]


def forward_transfer(errors: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """What earlier tasks are worth for the next one, before it is learnt.

    Lopez-Paz and Ranzato compare with an untrained network. An untrained network puts
    people metres away, so ``reference`` here is what predicts the mean pose.

    Args:
        errors: ``(T, T)``, with ``errors[j - 1, j]`` measured.
        reference: Error of a predictor that learnt nothing, ``(T,)``.

    Returns:
        ``(T - 1,)``: the reference minus the error on task j before training on it;
        positive is a gain.
    """
    return reference[1:] - np.diagonal(errors, 1)
