"""Cameras, skeletons and the SMPL body: pure functions with any leading batch dimensions."""

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
from mmpose_ext.geometry.skeletons import (
    FLIP_INDICES,
    H36M17,
    H36M32_TO_H36M17,
    Skeleton,
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

__all__ = [
    'FLIP_INDICES',
    'H36M17',
    'H36M32_TO_H36M17',
    'SMPL24',
    'Skeleton',
    'SmplModel',
    'camera_to_image_pose',
    'camera_to_world',
    'factor_to_root_depth',
    'h36m_cameras',
    'image_pose_to_camera',
    'joint_order',
    'pixels_to_rays',
    'project_to_pixels',
    'root_depth_to_factor',
    'rotvec_to_rotmat',
    'smpl_joints',
    'smpl_rest_vertices',
    'smpl_to_joints',
    'smpl_vertices',
    'world_to_camera',
]
