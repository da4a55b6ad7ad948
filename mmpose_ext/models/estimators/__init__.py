"""The top level of each family."""

from mmpose_ext.models.estimators.co_teaching import CoTeaching
from mmpose_ext.models.estimators.consistency_student import ConsistencyStudent
from mmpose_ext.models.estimators.diffusion_lifter import DiffusionLifter
from mmpose_ext.models.estimators.divide_mix import DivideMix
from mmpose_ext.models.estimators.dual_student import DualStudent
from mmpose_ext.models.estimators.gan_adaptation_lifter import GANAdaptationLifter
from mmpose_ext.models.estimators.multi_modal_pose_estimator import (
    MultiModalPoseEstimator,
)
from mmpose_ext.models.estimators.network_pair import NetworkPair
from mmpose_ext.models.estimators.posynda_lifter import PoSynDALifter
from mmpose_ext.models.estimators.sequence_lifter import (
    SequenceLifter,
    flip_inputs,
    flip_poses,
)
from mmpose_ext.models.estimators.sspcm import SSPCM

__all__ = [
    'SSPCM',
    'CoTeaching',
    'ConsistencyStudent',
    'DiffusionLifter',
    'DivideMix',
    'DualStudent',
    'GANAdaptationLifter',
    'MultiModalPoseEstimator',
    'NetworkPair',
    'PoSynDALifter',
    'SequenceLifter',
    'flip_inputs',
    'flip_poses',
]
