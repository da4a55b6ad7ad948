"""What a multi-modal network makes of samples, without learning from them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, cast

import torch
from torch import Tensor, nn

from mmpose_ext.engine.contribution_meter import ContributionMeter, make_plan
from mmpose_ext.models.estimators import MultiModalPoseEstimator
from mmpose_ext.models.evaluation_mode import evaluating


def prepared(
    network: MultiModalPoseEstimator, batches: Iterable[Any]
) -> Iterator[dict[str, Any]]:
    """Batches on the device of a network, tensors only: ``inputs`` and ``pose``.

    Args:
        network: Not wrapped.
        batches: As a data loader gives them.
    """
    for batch in batches:
        data = network.data_preprocessor(batch, training=False)
        yield {'inputs': data['inputs'], 'pose': data['data_samples']['pose']}


@torch.no_grad()
def contributions(
    network: MultiModalPoseEstimator, batches: Iterable[Any]
) -> dict[str, float]:
    """Shapley value of each modality for Pearson's correlation over all samples.

    Peng et al. (CVPR 2026), Eq. 1 to 3, in evaluation mode, over all subsets.

    Args:
        network: Not wrapped.
        batches: As a data loader gives them; samples of several processes count
            together.

    Returns:
        Score of each modality.

    Raises:
        ValueError: If there is no batch, or there are too many modalities for all
            subsets.
    """
    plan = make_plan('exact', len(network.modalities), 0)
    meter = ContributionMeter(network.modalities, plan)
    with evaluating(network):
        for batch in prepared(network, batches):
            inputs = batch['inputs']
            features, present = network.encode(inputs), network.present(inputs)
            meter.add(network, features, present, batch['pose'])
    found = meter.compute()
    if found is None:
        raise ValueError('the training data loader gave no batch to score')
    return found.scores


def losses_of_samples(network: nn.Module, batch: Mapping[str, Any]) -> Tensor:
    """Mean joint error of each sample of a :func:`prepared` batch ``(B,)``, metres.

    Args:
        network: A ``MultiModalPoseEstimator``, not wrapped.
        batch: Inputs and poses.
    """
    estimator = cast(MultiModalPoseEstimator, network)
    return estimator.sample_losses(batch['inputs'], {'pose': batch['pose']})
