"""What all heads that lift a sequence to 3D share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from mmengine.structures import InstanceData
from mmpose.models.heads.base_head import BaseHead
from mmpose.registry import KEYPOINT_CODECS, MODELS
from torch import Tensor, nn


class LiftingHead(BaseHead):
    """Losses and decoding of heads with an output of shape ``(B, T, K, 3)``.

    A subclass implements ``forward``. Each configured loss is a module called with
    prediction, label and weight; its value appears as ``loss_<name>``.

    Args:
        losses: Name and config of each loss, for example
            ``dict(pose=dict(type='JointErrorLoss'))``.
        decoder: Config of the codec that turns outputs into metres.
    """

    def __init__(
        self,
        losses: dict[str, dict],
        decoder: dict | None = None,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.losses = nn.ModuleDict(
            {name: MODELS.build(config) for name, config in losses.items()}
        )
        self.decoder = None if decoder is None else KEYPOINT_CODECS.build(decoder)

    def loss(
        self,
        feats: Any,
        batch_data_samples: list,
        train_cfg: dict | None = None,
    ) -> dict[str, Tensor]:
        """Losses of a batch with labels in its data samples."""
        return self.loss_by_labels(feats, *stack_labels(batch_data_samples))

    def loss_by_labels(
        self, feats: Any, label: Tensor, weight: Tensor
    ) -> dict[str, Tensor]:
        """Losses of a batch.

        Args:
            feats: Whatever ``forward`` takes.
            label: Targets in the codec's units, ``(B, T, K, 3)``.
            weight: 1 for joints that count, 0 otherwise, ``(B, T, K)``.
        """
        return self.pose_losses(self.forward(feats), label, weight)

    def pose_losses(
        self, pred: Tensor, label: Tensor, weight: Tensor
    ) -> dict[str, Tensor]:
        """The configured losses of a prediction of shape ``(B, T, K, 3)``."""
        pred = pred.float()
        return {
            f'loss_{name}': module(pred, label, weight)
            for name, module in self.losses.items()
        }

    def predict(
        self,
        feats: Any,
        batch_data_samples: list,
        test_cfg: dict | None = None,
    ) -> list[InstanceData]:
        """Decode the head's output of a batch of features."""
        return self.decode_batch(self.forward(feats), batch_data_samples)

    def decode_batch(
        self,
        pred: Tensor,
        batch_data_samples: list,
        protocol: Mapping[str, Any] | None = None,
    ) -> list[InstanceData]:
        """Turn outputs into root-relative metres.

        Args:
            pred: Outputs in the codec's units, ``(B, T, K, 3)``.
            batch_data_samples: Samples whose meta information holds image size and
                factor.
            protocol: What results shall tell besides the codec's own protocol.

        Returns:
            One ``InstanceData`` a sample with ``keypoints`` ``(T, K, 3)`` in metres
            and ``keypoint_scores`` ``(T, K)``; ``(1, K, 3)`` and ``(1, K)``, those of
            the middle frame, if MMPose's tools asked the codec for it.
        """
        if self.decoder is None:
            raise RuntimeError('set `decoder` of the head to a codec to predict')
        width, factor = stack_scale(batch_data_samples, pred.shape[1])
        keypoints = self.decoder.decode(pred.detach().float().cpu(), width, factor)
        scores = np.ones(keypoints.shape[1:3], dtype=np.float32)
        of_codec = getattr(self.decoder, 'protocol', None)
        facts = {'protocol': {**(of_codec or {}), **(protocol or {})} or None}
        return [
            InstanceData(metainfo=facts, keypoints=pose, keypoint_scores=scores)
            for pose in keypoints.numpy()
        ]


def stack_labels(batch_data_samples: list) -> tuple[Tensor, Tensor]:
    """Labels ``(B, T, K, 3)`` and weights ``(B, T, K)`` of a batch."""
    labels = [sample.gt_instance_labels for sample in batch_data_samples]
    return (
        torch.stack([label.lifting_target_label for label in labels]),
        torch.stack([label.lifting_target_weight for label in labels]),
    )


def stack_scale(samples: list, num_frames: int) -> tuple[Tensor, Tensor]:
    """Image widths ``(B,)`` and factors ``(B, T)`` from the meta information."""
    metas = [sample.metainfo for sample in samples]
    width = [(meta.get('camera_param') or {}).get('w', np.nan) for meta in metas]
    unknown = np.zeros(num_frames, dtype=np.float32)
    factor = [np.ravel(meta.get('factor', unknown)) for meta in metas]
    return torch.tensor(width), torch.from_numpy(np.stack(factor)).float()
