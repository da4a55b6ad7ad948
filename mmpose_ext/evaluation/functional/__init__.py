"""Errors of poses and scores of models as pure functions of torch tensors."""

from mmpose_ext.evaluation.functional.fisher import diagonal_fisher
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
from mmpose_ext.evaluation.functional.pearson import (
    PearsonSums,
    negative_mse_profit,
    pearson_profit,
)
from mmpose_ext.evaluation.functional.procrustes import p_mpjpe, similarity_align
from mmpose_ext.evaluation.functional.sampled_shapley import (
    ExactPlan,
    KernelPlan,
    PermutationPlan,
    ShapleyPlan,
    kernel_shapley,
    permutation_shapley,
)
from mmpose_ext.evaluation.functional.shapley import (
    coalitions,
    shapley_matrix,
    shapley_values,
)
from mmpose_ext.evaluation.functional.two_means import strengths_by_score, two_means

__all__ = [
    'ExactPlan',
    'KernelPlan',
    'PearsonSums',
    'PermutationPlan',
    'ShapleyPlan',
    'auc',
    'auc_thresholds',
    'axis_errors',
    'best_joints',
    'best_pose',
    'coalitions',
    'diagonal_fisher',
    'joint_detection_rate',
    'joint_errors',
    'kernel_shapley',
    'mean_pose',
    'mpjpe',
    'mpjve',
    'n_mpjpe',
    'negative_mse_profit',
    'p_mpjpe',
    'pck',
    'pckh',
    'pearson_profit',
    'permutation_shapley',
    'shapley_matrix',
    'shapley_values',
    'similarity_align',
    'strengths_by_score',
    'two_means',
    'velocity_errors',
]
