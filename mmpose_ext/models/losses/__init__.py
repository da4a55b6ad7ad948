"""Losses: one a file, the formula a free function."""

from mmpose_ext.models.losses.barber_agakov_loss import BarberAgakovLoss
from mmpose_ext.models.losses.decoupled_pose_loss import (
    DecoupledPoseLoss,
    decoupled_pose_loss,
)
from mmpose_ext.models.losses.heatmap_consistency_loss import (
    HeatmapConsistencyLoss,
    heatmap_consistency_loss,
)
from mmpose_ext.models.losses.info_nce_bound_loss import InfoNCEBoundLoss, info_nce
from mmpose_ext.models.losses.joint_error_loss import JointErrorLoss, joint_error_loss
from mmpose_ext.models.losses.least_squares_gan import (
    least_squares_discriminator_loss,
    least_squares_generator_loss,
)
from mmpose_ext.models.losses.pose_squared_error_loss import (
    PoseSquaredErrorLoss,
    pose_squared_error_loss,
)
from mmpose_ext.models.losses.smoothness_loss import SmoothnessLoss, smoothness_loss
from mmpose_ext.models.losses.velocity_loss import VelocityLoss, velocity_loss
from mmpose_ext.models.losses.weight_constraint_loss import (
    WeightConstraintLoss,
    weight_constraint,
)

__all__ = [
    'BarberAgakovLoss',
    'DecoupledPoseLoss',
    'HeatmapConsistencyLoss',
    'InfoNCEBoundLoss',
    'JointErrorLoss',
    'PoseSquaredErrorLoss',
    'SmoothnessLoss',
    'VelocityLoss',
    'WeightConstraintLoss',
    'decoupled_pose_loss',
    'heatmap_consistency_loss',
    'info_nce',
    'joint_error_loss',
    'least_squares_discriminator_loss',
    'least_squares_generator_loss',
    'pose_squared_error_loss',
    'smoothness_loss',
    'velocity_loss',
    'weight_constraint',
]
