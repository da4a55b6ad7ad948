"""Transforms of samples, one a file."""

from mmpose_ext.datasets.transforms.joint_noise import JointNoise, frame_noise
from mmpose_ext.datasets.transforms.pack_lifting_inputs import PackLiftingInputs

__all__ = ['JointNoise', 'PackLiftingInputs', 'frame_noise']
