"""What a network makes of a task's samples, without learning from them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import torch

from mmpose_ext.engine.contribution_meter import ContributionMeter
from mmpose_ext.evaluation.functional.sampled_shapley import ExactPlan
from mmpose_ext.models.estimators import MultiModalPoseEstimator
from mmpose_ext.models.evaluation_mode import evaluating


def prepared(
    model: MultiModalPoseEstimator, loader: Iterable[Any]
) -> Iterator[dict[str, Any]]:
    """Batches of a loader on the device of the model: ``inputs`` and ``pose``."""
    for batch in loader:
        data = model.data_preprocessor(batch, training=False)
        yield {'inputs': data['inputs'], 'pose': data['data_samples']['pose']}


@torch.no_grad()
def contributions(
    network: MultiModalPoseEstimator, loader: Iterable[Any]
) -> dict[str, float]:
    """Shapley value of each modality for Pearson's correlation over all samples.

    Peng et al., Eq. 1 to 3, in evaluation mode.

    Args:
        network: The network.
        loader: Of the samples; the same ones in every process.

    Returns:
        Score of each modality.

    Raises:
        ValueError: If there is no sample.
    """
    meter = ContributionMeter(network.modalities, ExactPlan.of(len(network.modalities)))
    with evaluating(network):
        for batch in prepared(network, loader):
            inputs = batch['inputs']
            features, present = network.encode(inputs), network.present(inputs)
            meter.add(network, features, present, batch['pose'])
    found = meter.compute()
    if found is None:
        raise ValueError('the loader gave no sample to score')
    return found.scores
