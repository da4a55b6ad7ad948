"""What networks make of a task's samples: scores, Fisher information.

Functions of weights and data alone, in evaluation mode; random numbers and gradients
are the caller's to protect, with ``side_trip``.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from torch import Tensor

from mmpose_ext.engine.continual.weight_consolidation import WeightConsolidation
from mmpose_ext.engine.sample_passes import (
    contributions,
    losses_of_samples,
    prepared,
)
from mmpose_ext.evaluation.functional.fisher import diagonal_fisher
from mmpose_ext.models.estimators import MultiModalPoseEstimator
from mmpose_ext.models.evaluation_mode import evaluating


def mean_contributions(
    networks: Sequence[MultiModalPoseEstimator], batches: Iterable[Any]
) -> dict[str, float]:
    """Contribution of each modality, the mean over the networks.

    Args:
        networks: Not wrapped.
        batches: Of a loader, which is gone through once a network.
    """
    rows = [contributions(network, batches) for network in networks]
    return {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}


def fisher_information(
    network: MultiModalPoseEstimator,
    batches: Iterable[Any],
    options: WeightConsolidation,
) -> dict[str, Tensor]:
    """What a task needs of each weight of a network.

    Args:
        network: Not wrapped.
        batches: Of a loader in mixed order, so that a few are like the whole task and
            a batch is like any other.
        options: Estimator and its size.
    """
    with evaluating(network):
        return diagonal_fisher(
            network,
            losses_of_samples,
            itertools.islice(prepared(network, batches), options.num_batches),
            estimator=options.estimator,
            chunk_size=options.chunk_size,
        )


def consolidate(
    networks: Sequence[MultiModalPoseEstimator],
    batches: Iterable[Any],
    options: WeightConsolidation,
    *,
    old: Sequence[Mapping[str, Tensor]] | None,
    noisy: str | None,
) -> tuple[list[dict[str, Tensor]], list[dict[str, Tensor]]]:
    """Fisher information after a task, and the weights that it pulls to.

    Args:
        networks: Not wrapped.
        batches: As :func:`fisher_information` takes them.
        options: How it is done.
        old: Information before the task, of each network; ``None`` at the first one.
        noisy: Modality that was noisy in the task, if one was.

    Returns:
        Information and weights, one mapping a network.
    """
    combined, reference = [], []
    for number, network in enumerate(networks):
        new = fisher_information(network, batches, options)
        before = None if old is None else old[number]
        combined.append(options.combine(new, before, noisy))
        weights = dict(network.named_parameters())
        reference.append({name: weights[name].detach().clone() for name in new})
    return combined, reference
