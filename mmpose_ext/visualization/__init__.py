"""Drawing; pure functions that take a figure, or an image, and return it."""

from mmpose_ext.visualization.bars import draw_grouped_bars
from mmpose_ext.visualization.curves import Curve, draw_learning_curve, new_figure
from mmpose_ext.visualization.embedding import draw_embedding
from mmpose_ext.visualization.heatmap_panels import ViewHeatmaps, draw_heatmap_panels
from mmpose_ext.visualization.noise_curves import NoiseCurve, draw_noise_curves
from mmpose_ext.visualization.person import draw_person
from mmpose_ext.visualization.pose2d import draw_pose_rows
from mmpose_ext.visualization.pose3d import (
    camera_to_plot_axes,
    draw_input_and_target,
    draw_pose_pairs,
)
from mmpose_ext.visualization.pose_panels import (
    draw_keypoints_panel,
    draw_pose_panel,
    view_of,
)
from mmpose_ext.visualization.response_curves import (
    ResponseHistory,
    draw_response_comparison,
    draw_responses,
    read_responses,
)
from mmpose_ext.visualization.video import read_video, write_video

__all__ = [
    'Curve',
    'NoiseCurve',
    'ResponseHistory',
    'ViewHeatmaps',
    'camera_to_plot_axes',
    'draw_embedding',
    'draw_grouped_bars',
    'draw_heatmap_panels',
    'draw_input_and_target',
    'draw_keypoints_panel',
    'draw_learning_curve',
    'draw_noise_curves',
    'draw_person',
    'draw_pose_pairs',
    'draw_pose_panel',
    'draw_pose_rows',
    'draw_response_comparison',
    'draw_responses',
    'new_figure',
    'read_responses',
    'read_video',
    'view_of',
    'write_video',
]
