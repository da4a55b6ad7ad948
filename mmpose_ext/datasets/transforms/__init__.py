"""Transforms of samples, one a file."""

from mmpose_ext.datasets.transforms.crop_person_source import CropPersonSource
from mmpose_ext.datasets.transforms.joint_cutout import JointCutout
from mmpose_ext.datasets.transforms.joint_noise import JointNoise, frame_noise
from mmpose_ext.datasets.transforms.normalize_channel_state import (
    NormalizeChannelState,
)
from mmpose_ext.datasets.transforms.normalize_image_keypoints import (
    NormalizeImageKeypoints,
)
from mmpose_ext.datasets.transforms.pack_lifting_inputs import PackLiftingInputs
from mmpose_ext.datasets.transforms.pack_multi_modal_inputs import PackMultiModalInputs
from mmpose_ext.datasets.transforms.pack_semi_supervised_inputs import (
    PackSemiSupervisedInputs,
)
from mmpose_ext.datasets.transforms.subsample_points import SubsamplePoints
from mmpose_ext.datasets.transforms.view_bbox_transform import ViewBBoxTransform

__all__ = [
    'CropPersonSource',
    'JointCutout',
    'JointNoise',
    'NormalizeChannelState',
    'NormalizeImageKeypoints',
    'PackLiftingInputs',
    'PackMultiModalInputs',
    'PackSemiSupervisedInputs',
    'SubsamplePoints',
    'ViewBBoxTransform',
    'frame_noise',
]
