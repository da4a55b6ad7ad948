"""Drawing; pure functions that take a figure and return it."""

from mmpose_ext.visualization.curves import Curve, draw_learning_curve, new_figure
from mmpose_ext.visualization.pose3d import (
    camera_to_plot_axes,
    draw_input_and_target,
    draw_pose_pairs,
)

__all__ = [
    'Curve',
    'camera_to_plot_axes',
    'draw_input_and_target',
    'draw_learning_curve',
    'draw_pose_pairs',
    'new_figure',
]
