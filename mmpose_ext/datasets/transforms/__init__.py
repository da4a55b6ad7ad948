"""Transforms of samples, one a file."""

from mmpose_ext.datasets.transforms.pack_lifting_inputs import PackLiftingInputs

__all__ = ['PackLiftingInputs']
