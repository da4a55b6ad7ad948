"""Cameras, skeletons, placement of poses and the SMPL body: pure functions."""

from mmpose_ext.geometry.alignment import place_like_target
from mmpose_ext.geometry.bones import rotate_poses, scale_bones, symmetric_bones
from mmpose_ext.geometry.cameras import (
    camera_to_image_pose,
    camera_to_world,
    factor_to_root_depth,
    h36m_cameras,
    image_pose_to_camera,
    pixels_to_rays,
    project_to_pixels,
    root_depth_to_factor,
    world_to_camera,
)
from mmpose_ext.geometry.reprojection import (
    choose_joints,
    choose_pose,
    reprojection_errors,
    solve_root,
)
from mmpose_ext.geometry.skeletons import (
    FLIP_INDICES,
    H36M17,
    H36M32_TO_H36M17,
    MPI_INF_3DHP17,
    MPI_INF_3DHP17_TO_H36M17,
    MPI_INF_3DHP28_TO_17,
    MPI_INF_3DHP_PCK_JOINTS,
    Skeleton,
    joint_index,
    joint_order,
)
from mmpose_ext.geometry.smpl import (
    SMPL24,
    SmplModel,
    rotvec_to_rotmat,
    smpl_joints,
    smpl_rest_vertices,
    smpl_to_joints,
    smpl_vertices,
)
from mmpose_ext.geometry.triangulation import Triangulation, triangulate

__all__ = [
    'FLIP_INDICES',
    'H36M17',
    'H36M32_TO_H36M17',
    'MPI_INF_3DHP17',
    'MPI_INF_3DHP17_TO_H36M17',
    'MPI_INF_3DHP28_TO_17',
    'MPI_INF_3DHP_PCK_JOINTS',
    'SMPL24',
    'Skeleton',
    'SmplModel',
    'Triangulation',
    'camera_to_image_pose',
    'camera_to_world',
    'choose_joints',
    'choose_pose',
    'factor_to_root_depth',
    'h36m_cameras',
    'image_pose_to_camera',
    'joint_index',
    'joint_order',
    'pixels_to_rays',
    'place_like_target',
    'project_to_pixels',
    'reprojection_errors',
    'root_depth_to_factor',
    'rotate_poses',
    'rotvec_to_rotmat',
    'scale_bones',
    'smpl_joints',
    'smpl_rest_vertices',
    'smpl_to_joints',
    'smpl_vertices',
    'solve_root',
    'symmetric_bones',
    'triangulate',
    'world_to_camera',
]
