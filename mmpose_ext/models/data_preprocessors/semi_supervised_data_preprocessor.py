"""Bring batches of labelled and unlabelled people to the device."""

from __future__ import annotations

from typing import Any

import torch
from mmpose.models.data_preprocessors import PoseDataPreprocessor
from mmpose.registry import MODELS
from torch import Tensor


@MODELS.register_module()
class SemiSupervisedDataPreprocessor(PoseDataPreprocessor):
    """Data preprocessor of models that make views of people themselves.

    Training batches of ``semi_supervised_collate`` come to the device as they are:
    uint8, in RGB if asked for. Views are made of them there, operators such as Joint
    Cutout work on values from 0 to 255, and :meth:`normalize` comes last. All other
    batches, those of validation above all, are treated as MMPose does.

    Args:
        **options: Those of MMPose's ``PoseDataPreprocessor``, such as ``mean``, ``std``
            and ``bgr_to_rgb``; ``non_blocking`` is on by default.

    Raises:
        ValueError: If ``batch_augments`` are given: they would miss the views.
    """

    def __init__(self, **options: Any) -> None:
        if options.get('batch_augments'):
            raise ValueError(
                'batch_augments would act before views are made; give operators to the '
                'model, as its occlusions'
            )
        super().__init__(**{'non_blocking': True, **options})

    def forward(self, data: dict[str, Any], training: bool = False) -> dict[str, Any]:
        """Prepare a batch.

        Args:
            data: What the data loader gives.
            training: Whether the batch is for training.

        Returns:
            For semi-supervised batches ``inputs``, with ``labelled`` and ``unlabelled``
            uint8 images, and ``data_samples``, with the targets of
            ``semi_supervised_collate`` and its lists of samples as ``samples``; for
            others what MMPose's gives.
        """
        if not isinstance(data['inputs'], dict):
            return super().forward(data, training)
        return {
            'inputs': {role: self._image(x) for role, x in data['inputs'].items()},
            'data_samples': {
                **{name: self._move(x) for name, x in data['targets'].items()},
                'samples': data['data_samples'],
            },
        }

    def normalize(self, images: Tensor) -> Tensor:
        """Subtract the mean colour and divide by the deviation.

        Args:
            images: ``(B, 3, H, W)``, float, 0 to 255, in the order of ``mean``.
        """
        if not self._enable_normalize:
            return images
        return (images - self.mean) / self.std

    @property
    def fill(self) -> Tensor:
        """The mean colour ``(3,)``, 0 to 255: what :meth:`normalize` makes 0."""
        if not self._enable_normalize:
            return torch.zeros(3, device=self.device)
        return self.mean.flatten().expand(3)

    def _image(self, images: Tensor) -> Tensor:
        images = self._move(images)
        return images.flip(1) if self._channel_conversion else images

    def _move(self, values: Tensor) -> Tensor:
        return values.to(self.device, non_blocking=self._non_blocking)
