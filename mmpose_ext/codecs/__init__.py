"""Codecs: encode targets, decode predictions."""

from mmpose_ext.codecs.lifting_label import LiftingLabel

__all__ = ['LiftingLabel']
