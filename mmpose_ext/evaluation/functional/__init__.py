"""Errors of poses as pure, batched functions of torch tensors."""

from mmpose_ext.evaluation.functional.hypotheses import (
    best_joints,
    best_pose,
    mean_pose,
)
from mmpose_ext.evaluation.functional.joint_detection_rate import (
    joint_detection_rate,
)
from mmpose_ext.evaluation.functional.mpjpe import (
    axis_errors,
    joint_errors,
    mpjpe,
    mpjve,
    n_mpjpe,
    velocity_errors,
)
from mmpose_ext.evaluation.functional.pck import auc, auc_thresholds, pck
from mmpose_ext.evaluation.functional.pckh import pckh
from mmpose_ext.evaluation.functional.procrustes import p_mpjpe, similarity_align

__all__ = [
    'auc',
    'auc_thresholds',
    'axis_errors',
    'best_joints',
    'best_pose',
    'joint_detection_rate',
    'joint_errors',
    'mean_pose',
    'mpjpe',
    'mpjve',
    'n_mpjpe',
    'p_mpjpe',
    'pck',
    'pckh',
    'similarity_align',
    'velocity_errors',
]
