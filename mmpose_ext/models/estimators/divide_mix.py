"""DivideMix for poses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from mmengine.logging import MMLogger
from mmpose.registry import MODELS
from torch import Tensor
from torch.utils.data import DataLoader

from mmpose_ext.evaluation.functional.loss_mixture import separate_losses
from mmpose_ext.models.estimators.multi_modal_pose_estimator import (
    Features,
    MultiModalPoseEstimator,
)
from mmpose_ext.models.estimators.network_pair import NetworkPair
from mmpose_ext.models.evaluation_mode import evaluating
from mmpose_ext.models.necks.modality_fusion import keep_present_all
from mmpose_ext.models.sample_losses import dataset_losses, sample_numbers
from mmpose_ext.models.sample_selection import (
    draw_mixing,
    mean_where,
    mix,
    ramp,
    refine_labels,
    sample_errors,
)
from mmpose_ext.models.step_generator import step_generator


@MODELS.register_module()
class DivideMix(NetworkPair):
    """Two networks divide the data for each other and relabel what is noisy.

    Li et al., "DivideMix: Learning with Noisy Labels as Semi-supervised Learning" (ICLR
    2020). After some epochs of ordinary training in a task, each epoch begins with the
    losses of all samples; a mixture of two Gaussians a network tells how probably a
    sample is clean, and the other network uses that. Clean labels are pulled to the
    network's own prediction, noisy samples take the mean prediction of both; then
    samples are mixed (:func:`refine_labels`, :func:`draw_mixing`).

    Made for classification; our readings for poses:

        - The loss is the mean joint error, also for noisy samples (there the squared
          error of probabilities, times 25). So ``noisy_weight`` is 1 by default: both
          parts are in metres, and 25 would let the networks' own guesses rule.
        - Predictions for labels are made once, in evaluation mode: there are no
          variants of a sample to average over. Nothing is sharpened, and there is no
          penalty on the distribution of classes.
        - Features are mixed, not inputs: point clouds cannot be averaged.
        - Both networks learn in each step, from the same batch, instead of one after
          the other in each epoch.

    Args:
        networks: See :class:`NetworkPair`.
        warmup_epochs: Epochs of a task before the data are divided.
        threshold: Least probability of a clean sample.
        mix_alpha: Of the Beta distribution of mixing shares; 0 mixes nothing.
        noisy_weight: Weight of the loss of noisy samples.
        ramp_epochs: Epochs after the warm-up until that weight is reached; it rises
            from 0.
        **options: Those of :class:`NetworkPair`.

    Attributes:
        noise_rate: Share of noisy samples of a task, if something is known of it; may
            be changed between tasks. Only 0 matters: such data are not divided. The
            guesses of a network that has just begun to learn would drive it away.
        clean_probability: Of each sample by each network ``(2, N)``, on the CPU; empty
            during the warm-up. It is kept in checkpoints.

    Raises:
        ValueError: If a number is out of range; as :class:`NetworkPair`.
    """

    def __init__(
        self,
        networks: dict | Sequence[dict],
        *,
        warmup_epochs: int = 10,
        threshold: float = 0.5,
        mix_alpha: float = 4.0,
        noisy_weight: float = 1.0,
        ramp_epochs: int = 16,
        **options: Any,
    ) -> None:
        if min(warmup_epochs, ramp_epochs, mix_alpha, noisy_weight) < 0:
            raise ValueError(
                'warmup_epochs, ramp_epochs, mix_alpha and noisy_weight must not be '
                f'negative, got {warmup_epochs}, {ramp_epochs}, {mix_alpha} and '
                f'{noisy_weight}'
            )
        if not 0 < threshold < 1:
            raise ValueError(f'threshold={threshold} must lie between 0 and 1')
        super().__init__(networks, **options)
        self.warmup_epochs, self.ramp_epochs = warmup_epochs, ramp_epochs
        self.threshold, self.mix_alpha = threshold, mix_alpha
        self.noisy_weight = noisy_weight
        self.noise_rate: float | None = None
        self.clean_probability = torch.empty(2, 0)

    def begin_epoch(
        self, loader: DataLoader, stage_epoch: int, num_epochs: int
    ) -> None:
        """Divide the data of an epoch; see :meth:`NetworkPair.begin_epoch`.

        Raises:
            ValueError: If the task is over before its warm-up.
        """
        if num_epochs <= self.warmup_epochs:
            raise ValueError(
                f'DivideMix has warmup_epochs={self.warmup_epochs}, which leaves none '
                f'of the {num_epochs} epochs of a task to divide the data in; set it '
                'lower'
            )
        super().begin_epoch(loader, stage_epoch, num_epochs)
        self.clean_probability = torch.empty(2, 0)
        if not self._divides():
            return
        losses = dataset_losses(self.networks, loader, self.data_preprocessor)
        parts = [separate_losses(row, threshold=self.threshold) for row in losses]
        self.clean_probability = torch.stack(
            [torch.from_numpy(part.clean_probability).float() for part in parts]
        )
        noisy = [int((~part.clean).sum()) for part in parts]
        # Not by print_log, whose records do not show which module they come from.
        MMLogger.get_current_instance().info(
            f'DivideMix: networks find {noisy[0]} and {noisy[1]} of {losses.shape[1]} '
            'samples noisy'
        )

    def loss(
        self, inputs: Mapping[str, Tensor], data_samples: Mapping[str, Any]
    ) -> dict[str, Tensor]:
        """Losses of a batch.

        Returns:
            ``network<k>.loss_pose`` during the warm-up and on clean data, then
            ``network<k>.loss_clean`` and ``network<k>.loss_noisy``, metres;
            ``network<k>.loss_constraint`` and ``network<k>.loss_consolidation``.
        """
        pose = data_samples['pose']
        if not self._divides():
            return self._warm_up(inputs, pose)
        probability = self._probability_of(data_samples).to(pose.device)
        guesses = self._guess(inputs)
        both, generator = torch.stack(guesses).mean(dim=0), step_generator()
        losses: dict[str, Tensor] = {}
        for number, network in enumerate(self.networks):
            of_other = probability[1 - number]
            clean = of_other >= self.threshold
            target = refine_labels(pose, of_other, clean, guesses[number], both)
            features, present = network.see(inputs, pose)
            if self.mix_alpha:
                partner, share = draw_mixing(len(pose), self.mix_alpha, generator)
                partner = partner.to(pose.device)
                features, present = mix_features(
                    network, features, present, partner, share
                )
                target = mix(target, partner, share)
            error = sample_errors(network.predict_features(features, present), target)
            losses |= self.losses_of(
                number,
                loss_clean=mean_where(error, clean),
                loss_noisy=self._noisy_weight() * mean_where(error, ~clean),
            )
        return losses

    def get_extra_state(self) -> dict[str, Any]:
        """See :class:`NetworkPair`."""
        return super().get_extra_state() | {'clean_probability': self.clean_probability}

    def set_extra_state(self, state: dict[str, Any]) -> None:
        """See :class:`NetworkPair`."""
        super().set_extra_state(state)
        self.clean_probability = state['clean_probability'].cpu()

    def _divides(self) -> bool:
        return self.noise_rate != 0 and self.epoch_in_task >= self.warmup_epochs

    def _warm_up(self, inputs: Mapping[str, Tensor], pose: Tensor) -> dict[str, Tensor]:
        losses: dict[str, Tensor] = {}
        for number, network in enumerate(self.networks):
            pred = network.predict_features(*network.see(inputs, pose))
            losses |= self.losses_of(number, loss_pose=sample_errors(pred, pose).mean())
        return losses

    def _probability_of(self, data_samples: Mapping[str, Any]) -> Tensor:
        """Clean probability of a batch's samples by each network ``(2, B)``."""
        size = self.clean_probability.shape[1]
        return self.clean_probability[
            :, sample_numbers(data_samples.get('samples'), size)
        ]

    @torch.no_grad()
    def _guess(self, inputs: Mapping[str, Tensor]) -> list[Tensor]:
        """Poses ``(B, K, 3)`` of each network as it would predict in a test."""
        with evaluating(self):
            return [network(inputs).float() for network in self.networks]

    def _noisy_weight(self) -> float:
        epoch = self.epoch_in_task - self.warmup_epochs
        return self.noisy_weight * ramp(epoch, self.ramp_epochs)


def mix_features(
    network: MultiModalPoseEstimator,
    features: Features,
    present: Tensor,
    partner: Tensor,
    share: float,
) -> tuple[Features, Tensor]:
    """Blend features of a batch; an absent modality takes part with its stand-in.

    Args:
        network: Whose features they are.
        features: ``(B, d)`` of each modality.
        present: Which modalities each sample has ``(B, M)``, bool.
        partner: Row of each sample's partner ``(B,)``.
        share: Of the sample itself.

    Returns:
        The mixtures ``(B, d)``, and which modalities one of the two had ``(B, M)``.
    """
    filled = keep_present_all(features, present, network.stand_ins(features))
    mixed = {
        name: mix(feature, partner, share)
        for name, feature in zip(features, filled, strict=True)
    }
    return mixed, present | present[partner]
