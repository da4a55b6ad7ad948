"""Pack a window of poses for a sequence lifter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmengine.structures import InstanceData
from mmpose.registry import TRANSFORMS
from mmpose.structures import PoseDataSample


@TRANSFORMS.register_module()
class PackLiftingInputs(BaseTransform):
    """Turn a window into tensors and a ``PoseDataSample``.

    Differs from MMPose's ``PackPoseInputs`` in that whole sequences are packed as
    tensors, ground truth apart from training labels, and meta information is set by
    reference instead of deep-copied. Keys that a sample does not have are left out,
    so the transform also serves ``inference_pose_lifter_model``.

    Required Keys:

        - keypoint_labels ``(T, K, C)``

    Optional Keys:

        - lifting_target_label ``(T, K, 3)``, lifting_target_weight ``(T, K)``
        - lifting_target_metric ``(T, K, 3)`` in metres, pose_cam ``(T, K, 3)``
        - features: dict of arrays ``(T, ...)``
        - those in ``meta_keys``

    Added Keys (the result holds nothing else):

        - inputs: float32 tensor ``(T, K, C)``; with features a dict of it, as
          ``keypoints``, and of them
        - data_samples: :obj:`PoseDataSample` with ``gt_instance_labels``
          (``lifting_target_label``, ``lifting_target_weight``), ``gt_instances``
          (``lifting_target`` from ``lifting_target_metric``, ``pose_cam``) and the
          meta information

    Args:
        meta_keys: Keys of the sample that become meta information.
        extra_meta_keys: Further ones, in addition to ``meta_keys``.
    """

    META_KEYS = (
        'score_mask',
        'frame_ids',
        'sequence',
        'sequence_id',
        'subject',
        'action',
        'camera_name',
        'sample_name',
        'camera_param',
        'factor',
        'root_image',
        'root_cam',
        'flip_indices',
        'dataset_name',
    )
    INSTANCE_KEYS = {'lifting_target_metric': 'lifting_target', 'pose_cam': 'pose_cam'}
    LABEL_KEYS = {
        'lifting_target_label': 'lifting_target_label',
        'lifting_target_weight': 'lifting_target_weight',
    }

    def __init__(
        self,
        meta_keys: Sequence[str] = META_KEYS,
        extra_meta_keys: Sequence[str] = (),
    ) -> None:
        self.meta_keys = tuple(dict.fromkeys((*meta_keys, *extra_meta_keys)))

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Pack one sample.

        Args:
            results: The sample, keys as listed for the class.

        Returns:
            ``dict(inputs=..., data_samples=...)``.

        Raises:
            ValueError: If ``keypoint_labels`` is missing.
        """
        if 'keypoint_labels' not in results:
            raise ValueError(
                'PackLiftingInputs needs keypoint_labels, which '
                "dict(type='GenerateTarget', encoder=codec) makes; put it before"
            )
        sample = PoseDataSample()
        sample.gt_instances = _instances(results, self.INSTANCE_KEYS)
        sample.gt_instance_labels = _instances(results, self.LABEL_KEYS)
        for key in self.meta_keys:
            if key in results:
                sample.set_field(results[key], key, field_type='metainfo')
        inputs: Any = _to_tensor(results['keypoint_labels'])
        if 'features' in results:
            features = results['features'].items()
            inputs = {'keypoints': inputs, **{k: _to_tensor(v) for k, v in features}}
        return {'inputs': inputs, 'data_samples': sample}

    def __repr__(self) -> str:
        return f'{type(self).__name__}(meta_keys={self.meta_keys})'


def _instances(results: Mapping[str, Any], names: Mapping[str, str]) -> InstanceData:
    instances = InstanceData()
    for key, name in names.items():
        if results.get(key) is not None:
            # `set_field` skips the length check of `InstanceData.__setattr__`,
            # which costs more than the rest of this function.
            instances.set_field(_to_tensor(results[key]), name)
    return instances


def _to_tensor(array: np.ndarray) -> torch.Tensor:
    """Float32 tensor; copies only read-only, strided or differently typed arrays."""
    return torch.from_numpy(np.require(array, np.float32, ('C', 'W')))
