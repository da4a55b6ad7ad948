"""The top level of each family."""

from mmpose_ext.models.estimators.diffusion_lifter import DiffusionLifter
from mmpose_ext.models.estimators.gan_adaptation_lifter import GANAdaptationLifter
from mmpose_ext.models.estimators.posynda_lifter import PoSynDALifter
from mmpose_ext.models.estimators.sequence_lifter import (
    SequenceLifter,
    flip_inputs,
    flip_poses,
)

__all__ = [
    'DiffusionLifter',
    'GANAdaptationLifter',
    'PoSynDALifter',
    'SequenceLifter',
    'flip_inputs',
    'flip_poses',
]
