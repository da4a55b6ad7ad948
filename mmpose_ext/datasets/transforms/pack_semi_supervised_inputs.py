"""Pack a person, labelled or not, for semi-supervised training."""

from __future__ import annotations

from typing import Any, Literal, get_args

import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmengine.structures import InstanceData
from mmpose.registry import TRANSFORMS
from mmpose.structures import PoseDataSample

Role = Literal['labelled', 'unlabelled']


@TRANSFORMS.register_module()
class PackSemiSupervisedInputs(BaseTransform):
    """Turn a person into tensors and a ``PoseDataSample`` that knows its role.

    Differs from MMPose's ``PackPoseInputs`` in that joints travel as coordinates, and
    heatmaps are rendered on the device, and that an unlabelled person carries no joint
    whatever the sample held.

    Required Keys:

        - img ``(h, w, 3)`` uint8
        - transformed_keypoints ``(1, K, 2)`` pixels of the input and keypoints_visible
          ``(1, K)``, of a labelled person
        - source_to_input ``(2, 3)``, or input_size, of an unlabelled one

    Optional Keys:

        - id, img_id, img_path
        - source_reach, of an unlabelled person

    Added Keys (the result holds nothing else):

        - inputs: uint8 tensor ``(3, h, w)``
        - data_samples: :obj:`PoseDataSample` with the meta information id, img_id,
          img_path and role. A labelled one has ``gt_instance_labels.keypoints``
          ``(1, K, 2)``, pixels of the input, and ``keypoint_weights`` ``(1, K)``, 1 for
          joints with a label and 0 for others. An unlabelled one has
          ``source_to_input`` ``(2, 3)`` as meta information; after ``TopdownAffine``
          the image is the input itself, and this is the identity. It also has
          ``source_reach``, by what factor the image is larger than the box, if known.

    Args:
        role: ``'labelled'`` or ``'unlabelled'``.

    Raises:
        ValueError: If the role is unknown; later, if a required key is missing.
    """

    NAMES = ('id', 'img_id', 'img_path')

    def __init__(self, role: Role) -> None:
        if role not in get_args(Role):
            raise ValueError(f'role={role!r}; expected one of {get_args(Role)}')
        self.role = role

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Pack one person.

        Args:
            results: The sample, keys as listed for the class.

        Returns:
            ``dict(inputs=..., data_samples=...)``.
        """
        sample = PoseDataSample(metainfo=dict(role=self.role))
        for name in self.NAMES:
            if name in results:
                sample.set_field(results[name], name, field_type='metainfo')
        if self.role == 'labelled':
            sample.gt_instance_labels = labels_of(results)
        else:
            source_to_input = torch.from_numpy(source_to_input_of(results))
            sample.set_field(source_to_input, 'source_to_input', field_type='metainfo')
            if 'source_to_input' not in results:  # the input itself, no wider
                sample.set_field(1.0, 'source_reach', field_type='metainfo')
            elif 'source_reach' in results:
                reach = results['source_reach']
                sample.set_field(reach, 'source_reach', field_type='metainfo')
        return {'inputs': image_of(results), 'data_samples': sample}

    def __repr__(self) -> str:
        return f'{type(self).__name__}(role={self.role!r})'


def image_of(results: dict[str, Any]) -> torch.Tensor:
    """The image as a tensor ``(3, h, w)``.

    Raises:
        ValueError: If it is no uint8 image of three channels.
    """
    image = results['img']
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise ValueError(
            f'got an image of {image.dtype} and shape {image.shape}; expected uint8 '
            '(h, w, 3), as LoadImage reads it without to_float32'
        )
    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))


def labels_of(results: dict[str, Any]) -> InstanceData:
    """Joints of a labelled person.

    Raises:
        ValueError: If there are none, or of several people.
    """
    keypoints = np.asarray(results.get('transformed_keypoints', ()))
    if keypoints.ndim != 3 or len(keypoints) != 1:
        raise ValueError(
            'a labelled person needs transformed_keypoints (1, K, 2), got the shape '
            f"{keypoints.shape}; put dict(type='TopdownAffine', input_size=...) before "
            'and use annotations with keypoints'
        )
    visible = np.asarray(results['keypoints_visible'])
    if visible.ndim == 3:  # as KeypointConverter leaves it: visible, and its weight
        visible = visible.prod(axis=-1)
    labels = InstanceData()
    labels.keypoints = torch.from_numpy(keypoints[..., :2].astype(np.float32))
    labels.keypoint_weights = torch.from_numpy((visible > 0).astype(np.float32))
    return labels


def source_to_input_of(results: dict[str, Any]) -> np.ndarray:
    """Where the pixels of an unlabelled person's image are in the input ``(2, 3)``.

    Raises:
        ValueError: If no transform has said so.
    """
    if 'source_to_input' in results:
        return np.asarray(results['source_to_input'], dtype=np.float32)
    if 'input_size' not in results:
        raise ValueError(
            "an unlabelled person needs dict(type='CropPersonSource', input_size=...) "
            "before it is packed, or dict(type='TopdownAffine', input_size=...) if the "
            'hard view is made from the easy crop'
        )
    return np.eye(2, 3, dtype=np.float32)
