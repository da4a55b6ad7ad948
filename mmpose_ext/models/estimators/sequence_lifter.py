"""A pose lifter for windows of frames."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from mmengine.dist import get_rank
from mmengine.logging import MessageHub
from mmpose.models.pose_estimators import PoseLifter
from mmpose.registry import MODELS
from torch import Tensor

from mmpose_ext.models.heads.lifting_head import stack_labels


def flip_poses(poses: Tensor, flip_indices: Sequence[int]) -> Tensor:
    """Mirror poses: negate x, swap left and right.

    Args:
        poses: Normalised 2D or root-relative 3D poses, ``(..., K, C)``; x first.
        flip_indices: The opposite joint of each joint, K entries.
    """
    flipped = poses[..., list(flip_indices), :]
    return torch.cat([-flipped[..., :1], flipped[..., 1:]], dim=-1)


@MODELS.register_module()
class SequenceLifter(PoseLifter):
    """MMPose's ``PoseLifter`` with flips on whole batches.

    The stock class flips sample by sample and runs flipped inputs in a second pass;
    here training flips are drawn for the batch on its device, and the flip test is one
    pass over the stacked batch.

    Args of ``train_cfg``:
        flip_prob: Probability of mirroring a training window (default 0).

    Args of ``test_cfg``:
        flip_test: Average with the prediction of the mirrored input.
        xy_passthrough: Replace the predicted x, y by those of the input, as the
            evaluation of MotionBERT with ground-truth 2D does; the error is then of
            depth alone. Only with a codec whose target is the 2.5D image frame.

    Raises:
        ValueError: If ``xy_passthrough`` is used with a camera-space target.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        target = getattr(getattr(self.head, 'decoder', None), 'target', None)
        if self.test_cfg.get('xy_passthrough', False) and target != 'image':
            raise ValueError(
                "xy_passthrough needs a codec with target='image': predicted x, y of a "
                'camera-space target are metres, not pixels'
            )

    def loss(self, inputs: Tensor, data_samples: list) -> dict[str, Tensor]:
        """Losses of keypoints ``(B, T, K, C)`` with labels in the data samples."""
        label, weight = stack_labels(data_samples)
        probability = self.train_cfg.get('flip_prob', 0.0)
        if probability > 0:
            flip_indices = data_samples[0].metainfo['flip_indices']
            drawn = torch.rand(len(inputs), generator=_step_generator()) < probability
            mask = drawn.to(inputs.device, non_blocking=True)[:, None, None, None]
            inputs = torch.where(mask, flip_poses(inputs, flip_indices), inputs)
            label = torch.where(mask, flip_poses(label, flip_indices), label)
            swapped = weight[..., list(flip_indices)]
            weight = torch.where(mask[..., 0], swapped, weight)
        return self.head.loss_by_labels(self.extract_feat(inputs), label, weight)

    def predict(self, inputs: Tensor, data_samples: list) -> list:
        """Predict the 3D poses of keypoints ``(B, T, K, C)``.

        Returns:
            The data samples with ``pred_instances.keypoints`` ``(T, K, 3)``, metres,
            relative to the root.
        """
        pred = self.predict_coordinates(inputs, data_samples)
        instances = self.head.decode_batch(pred, data_samples)
        return self.add_pred_to_datasample(instances, None, None, None, data_samples)

    def predict_coordinates(self, inputs: Tensor, data_samples: list) -> Tensor:
        """Predictions ``(B, T, K, 3)`` in the codec's units, with test options."""
        if self.test_cfg.get('flip_test', False):
            flip_indices = data_samples[0].metainfo['flip_indices']
            both = torch.cat([inputs, flip_poses(inputs, flip_indices)])
            pred, mirrored = self._forward(both).chunk(2)
            pred = 0.5 * (pred + flip_poses(mirrored, flip_indices))
        else:
            pred = self._forward(inputs)
        if self.test_cfg.get('xy_passthrough', False):
            xy = inputs[..., :2]
            root = self.head.decoder.root_index
            pred = torch.cat([xy - xy[..., root : root + 1, :], pred[..., 2:]], dim=-1)
        return pred


def _step_generator() -> torch.Generator:
    """A generator that depends on the run's seed, the step and the rank alone.

    So a resumed run draws what an uninterrupted one would have drawn.
    """
    step = MessageHub.get_current_instance().get_info('iter', 0) or 0
    seed = (torch.initial_seed() + 1_000_003 * int(step) + 7_919 * get_rank()) % 2**63
    return torch.Generator().manual_seed(seed)
