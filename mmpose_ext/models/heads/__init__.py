"""Heads that regress 3D poses."""

from mmpose_ext.models.heads.absolute_pose_head import AbsolutePoseHead
from mmpose_ext.models.heads.frame_regression_head import FrameRegressionHead
from mmpose_ext.models.heads.lifting_head import LiftingHead
from mmpose_ext.models.heads.pose_regression_head import PoseRegressionHead
from mmpose_ext.models.heads.prml_head import PrMLHead
from mmpose_ext.models.heads.two_branch_regression_head import TwoBranchRegressionHead

__all__ = [
    'AbsolutePoseHead',
    'FrameRegressionHead',
    'LiftingHead',
    'PoseRegressionHead',
    'PrMLHead',
    'TwoBranchRegressionHead',
]
