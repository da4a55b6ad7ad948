"""Transforms of samples, one a file."""

from .pack_lifting_inputs import PackLiftingInputs

__all__ = ['PackLiftingInputs']
