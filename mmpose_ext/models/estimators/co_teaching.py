"""Co-teaching for poses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mmpose.registry import MODELS
from torch import Tensor

from mmpose_ext.models.estimators.network_pair import NetworkPair
from mmpose_ext.models.sample_selection import (
    forget_rate,
    num_kept,
    sample_errors,
    smallest,
)


@MODELS.register_module()
class CoTeaching(NetworkPair):
    """Each network learns from what the other finds easy.

    Han et al., "Co-teaching: Robust Training of Deep Neural Networks with Extremely
    Noisy Labels" (NeurIPS 2018). The method was made for wrong classes; here the loss
    of a sample is its mean joint error, which a noisy input raises as a wrong label
    does. Of each batch a network picks the samples of smallest loss for the other one
    to learn from. All are kept in the beginning of a task, all but ``noise_rate`` of
    them after ``ramp_epochs``, with a linear passage (exponent 1).

    The loss is the mean joint error, whatever loss the networks' heads have.

    Args:
        networks: See :class:`NetworkPair`.
        noise_rate: Share of noisy samples, supposed to be known.
        ramp_epochs: Epochs of a task until that share is left out.
        **options: Those of :class:`NetworkPair`.

    Attributes:
        noise_rate: May be changed between tasks.

    Raises:
        ValueError: If a number is out of range; as :class:`NetworkPair`.
    """

    def __init__(
        self,
        networks: dict | Sequence[dict],
        *,
        noise_rate: float,
        ramp_epochs: int = 10,
        **options: Any,
    ) -> None:
        if not 0 <= noise_rate < 1 or ramp_epochs < 0:
            raise ValueError(
                'expected noise_rate in [0, 1) and ramp_epochs of at least 0, got '
                f'{noise_rate} and {ramp_epochs}'
            )
        super().__init__(networks, **options)
        self.noise_rate, self.ramp_epochs = noise_rate, ramp_epochs

    def loss(
        self, inputs: Mapping[str, Tensor], data_samples: Mapping[str, Any]
    ) -> dict[str, Tensor]:
        """Losses of a batch.

        Returns:
            ``network<k>.loss_pose``, metres, over the samples that the other network
            picked, ``network<k>.loss_constraint`` and
            ``network<k>.loss_consolidation``.
        """
        pose = data_samples['pose']
        errors = [
            sample_errors(network.predict_features(*network.see(inputs, pose)), pose)
            for network in self.networks
        ]
        rate = forget_rate(
            self.epoch_in_task, self.noise_rate, ramp_epochs=self.ramp_epochs
        )
        count = num_kept(len(pose), rate)
        picked = [smallest(error, count) for error in errors]
        losses: dict[str, Tensor] = {}
        for number, error in enumerate(errors):
            of_other = error[picked[1 - number]]
            losses |= self.losses_of(number, loss_pose=of_other.mean())
        return losses
