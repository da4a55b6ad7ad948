"""What a network makes of a task's samples, without learning from them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import Tensor

from mmpose_ext.evaluation.functional.pearson import PearsonSums
from mmpose_ext.evaluation.functional.shapley import coalitions, shapley_values
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
def losses_of_samples(
    network: MultiModalPoseEstimator, loader: Iterable[Any]
) -> Tensor:
    """Mean joint error of each sample, in evaluation mode.

    Args:
        network: The network.
        loader: In the order of its dataset.

    Returns:
        ``(N,)``, metres, on the CPU.
    """
    with evaluating(network):
        losses = [
            network.sample_losses(batch['inputs'], batch)
            for batch in prepared(network, loader)
        ]
    return torch.cat(losses).cpu()


@torch.no_grad()
def contributions(
    network: MultiModalPoseEstimator, loader: Iterable[Any]
) -> dict[str, float]:
    """Shapley value of each modality for Pearson's correlation over all samples.

    Peng et al., Eq. 1 to 3, in evaluation mode; encoders run once a batch, and
    correlations are those of all samples together.

    Args:
        network: The network.
        loader: Of the samples.

    Returns:
        Score of each modality.
    """
    masks, sums = coalitions(len(network.modalities)), PearsonSums()
    with evaluating(network):
        for batch in prepared(network, loader):
            inputs, pose = batch['inputs'], batch['pose']
            features, present = network.encode(inputs), network.present(inputs)
            pred = network.predict_subsets(features, masks.to(pose.device), present)
            sums.update(pred.flatten(2), pose.flatten(1))
    values = shapley_values(sums.correlations().sum(-1)).tolist()
    return dict(zip(network.modalities, values, strict=True))
