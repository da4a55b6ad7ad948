"""A pose lifter for windows of frames."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, TypeVar

import torch
from mmpose.models.pose_estimators import PoseLifter
from mmpose.registry import MODELS
from torch import Tensor

from mmpose_ext.models.heads.lifting_head import stack_labels
from mmpose_ext.models.step_generator import step_generator

Inputs = Tensor | dict[str, Tensor]
InputsT = TypeVar('InputsT', bound=Inputs)


def flip_poses(poses: Tensor, flip_indices: Sequence[int]) -> Tensor:
    """Mirror poses: negate x, swap left and right.

    Args:
        poses: Normalised 2D or root-relative 3D poses, ``(..., K, C)``; x first.
        flip_indices: The opposite joint of each joint, K entries.
    """
    flipped = poses[..., list(flip_indices), :]
    return torch.cat([-flipped[..., :1], flipped[..., 1:]], dim=-1)


def flip_inputs(inputs: Inputs, flip_indices: Sequence[int]) -> Inputs:
    """Mirror what a lifter takes.

    Args:
        inputs: Keypoints ``(B, T, K, C)``, or a dict of them and of features: maps
            ``(B, T, ..., H, W)`` are mirrored along their width, which is what an
            encoder gives for the mirrored image up to its own asymmetry; poses
            ``(B, T, K, 2)``, named ``*_keypoints``, as keypoints are.
        flip_indices: The opposite joint of each joint, K entries.
    """
    if isinstance(inputs, Tensor):
        return flip_poses(inputs, flip_indices)
    return {
        name: flip_poses(value, flip_indices)
        if name.endswith('keypoints')
        else value.flip(-1)
        for name, value in inputs.items()
    }


@MODELS.register_module()
class SequenceLifter(PoseLifter):
    """MMPose's ``PoseLifter`` with flips on whole batches.

    The stock class flips sample by sample and runs flipped inputs in a second pass;
    here training flips are drawn for the batch on its device, and the flip test is one
    pass over the stacked batch.

    A backbone with ``feature_shapes`` gets features of the frames too; inputs are then
    a dict of ``keypoints`` and of one tensor a feature.

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

    def forward(
        self,
        inputs: Inputs | list[Tensor] | dict[str, list[Tensor]],
        data_samples: list | None = None,
        mode: str = 'tensor',
    ) -> Any:
        """Stack the samples of a batch, then do as ``mode`` says, as in MMPose."""
        if isinstance(inputs, Mapping):
            inputs = {
                name: value if isinstance(value, Tensor) else torch.stack(list(value))
                for name, value in inputs.items()
            }
        return super().forward(inputs, data_samples, mode)

    def extract_feat(self, inputs: Inputs) -> Any:
        """Features of the neck, or of the backbone where there is no neck."""
        features = {} if isinstance(inputs, Tensor) else dict(inputs)
        keypoints = inputs if isinstance(inputs, Tensor) else features.pop('keypoints')
        self._check_features(features)
        feats = self.backbone(keypoints, **features)
        return self.neck(feats) if self.with_neck else feats

    def loss(self, inputs: Inputs, data_samples: list) -> dict[str, Tensor]:
        """Losses of keypoints ``(B, T, K, C)`` with labels in the data samples."""
        inputs, label, weight = self.flip_some(
            inputs, *stack_labels(data_samples), data_samples, step_generator()
        )
        return self.head.loss_by_labels(self.extract_feat(inputs), label, weight)

    def flip_some(
        self,
        inputs: InputsT,
        label: Tensor,
        weight: Tensor,
        data_samples: list,
        generator: torch.Generator,
    ) -> tuple[InputsT, Tensor, Tensor]:
        """Mirror windows, labels and weights with probability ``flip_prob``.

        Args:
            inputs: Keypoints ``(B, T, K, C)`` or a dict, see :func:`flip_inputs`.
            label: Poses ``(B, T, K, 3)``.
            weight: Weight of each joint, ``(B, T, K)``.
            data_samples: One or more samples of the data set.
            generator: Decides which windows.
        """
        probability = self.train_cfg.get('flip_prob', 0.0)
        if probability <= 0:
            return inputs, label, weight
        flip_indices = data_samples[0].metainfo['flip_indices']
        drawn = torch.rand(len(label), generator=generator) < probability
        mask = drawn.to(label.device, non_blocking=True)[:, None, None, None]
        inputs = _choose(mask, flip_inputs(inputs, flip_indices), inputs)
        label = torch.where(mask, flip_poses(label, flip_indices), label)
        swapped = weight[..., list(flip_indices)]
        return inputs, label, torch.where(mask[..., 0], swapped, weight)

    def predict(self, inputs: Inputs, data_samples: list) -> list:
        """Predict the 3D poses of keypoints ``(B, T, K, C)``.

        Returns:
            The data samples with ``pred_instances.keypoints`` ``(T, K, 3)``, metres,
            relative to the root; ``(1, K, 3)``, the middle frame, if MMPose's tools
            asked the codec for it.
        """
        pred = self.predict_coordinates(inputs, data_samples)
        instances = self.head.decode_batch(pred, data_samples)
        return self.add_pred_to_datasample(instances, None, None, None, data_samples)

    def predict_coordinates(self, inputs: Inputs, data_samples: list) -> Tensor:
        """Predictions ``(B, T, K, 3)`` in the codec's units, with test options."""
        if self.test_cfg.get('flip_test', False):
            flip_indices = data_samples[0].metainfo['flip_indices']
            both = _concatenate(inputs, flip_inputs(inputs, flip_indices))
            # Not `chunk`, whose parts ONNX cannot have in a batch of any size.
            pred, mirrored = self._forward(both).unflatten(0, (2, -1)).unbind()
            pred = 0.5 * (pred + flip_poses(mirrored, flip_indices))
        else:
            pred = self._forward(inputs)
        if self.test_cfg.get('xy_passthrough', False):
            keypoints = inputs if isinstance(inputs, Tensor) else inputs['keypoints']
            xy = keypoints[..., :2]
            root = self.head.decoder.root_index
            pred = torch.cat([xy - xy[..., root : root + 1, :], pred[..., 2:]], dim=-1)
        return pred

    def _check_features(self, given: Collection[str]) -> None:
        wanted = getattr(self.backbone, 'feature_shapes', {})
        if set(given) != set(wanted):
            raise ValueError(
                f'{type(self.backbone).__name__} takes the features {sorted(wanted)}, '
                f'the batch brings {sorted(given)}: list those fields in `features` of '
                'the data set; tools/dataset_converters/image_features_to_store.py '
                'makes them'
            )


def _choose(mask: Tensor, first: Any, second: Any) -> Any:
    """Rows of ``first`` where the mask ``(B, 1, 1, 1)`` is true, else of ``second``."""
    if isinstance(first, Tensor):
        return torch.where(mask.reshape(-1, *[1] * (first.dim() - 1)), first, second)
    return {name: _choose(mask, first[name], second[name]) for name in first}


def _concatenate(first: Any, second: Any) -> Any:
    if isinstance(first, Tensor):
        return torch.cat([first, second])
    return {name: torch.cat([first[name], second[name]]) for name in first}
