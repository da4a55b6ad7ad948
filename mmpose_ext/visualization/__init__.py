"""Drawing: pure functions on figures and images, and a registered visualizer."""

from mmpose_ext.visualization.bars import draw_grouped_bars
from mmpose_ext.visualization.continual import (
    LossFit,
    draw_average_error,
    draw_error_matrix,
    draw_forgetting,
    draw_loss_mixture,
    draw_task_errors,
)
from mmpose_ext.visualization.contributions import (
    ContributionHistory,
    draw_contribution_comparison,
    draw_contributions,
    read_contributions,
)
from mmpose_ext.visualization.curves import Curve, draw_learning_curve, new_figure
from mmpose_ext.visualization.embedding import draw_embedding
from mmpose_ext.visualization.heatmap_panels import ViewHeatmaps, draw_heatmap_panels
from mmpose_ext.visualization.lifting_visualizer import LiftingVisualizer
from mmpose_ext.visualization.noise_curves import NoiseCurve, draw_noise_curves
from mmpose_ext.visualization.person import draw_person
from mmpose_ext.visualization.pose2d import draw_pose_rows
from mmpose_ext.visualization.pose3d import (
    camera_to_plot_axes,
    draw_input_and_target,
    draw_pose_pairs,
)
from mmpose_ext.visualization.pose_comparison import draw_pose_comparison
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
    'ContributionHistory',
    'Curve',
    'LiftingVisualizer',
    'LossFit',
    'NoiseCurve',
    'ResponseHistory',
    'ViewHeatmaps',
    'camera_to_plot_axes',
    'draw_average_error',
    'draw_contribution_comparison',
    'draw_contributions',
    'draw_embedding',
    'draw_error_matrix',
    'draw_forgetting',
    'draw_grouped_bars',
    'draw_heatmap_panels',
    'draw_input_and_target',
    'draw_keypoints_panel',
    'draw_learning_curve',
    'draw_loss_mixture',
    'draw_noise_curves',
    'draw_person',
    'draw_pose_comparison',
    'draw_pose_pairs',
    'draw_pose_panel',
    'draw_pose_rows',
    'draw_response_comparison',
    'draw_responses',
    'draw_task_errors',
    'new_figure',
    'read_contributions',
    'read_responses',
    'read_video',
    'view_of',
    'write_video',
]
