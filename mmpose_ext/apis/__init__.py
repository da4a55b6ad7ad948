"""From keypoints and videos to 3D: what people call who have a trained lifter.

``import mmpose_ext`` leaves this package out; training does not need it.
"""

from mmpose_ext.apis.camera_space import guess_camera
from mmpose_ext.apis.gap_filling import GapOptions
from mmpose_ext.apis.keypoint_lifter import KeypointLifter
from mmpose_ext.apis.keypoint_sequences import lift_keypoints
from mmpose_ext.apis.one_euro import OneEuro
from mmpose_ext.apis.result_files import read_results, write_results
from mmpose_ext.apis.streaming import StreamedFrame, StreamingLifter
from mmpose_ext.apis.track_joining import JoiningOptions
from mmpose_ext.apis.tracked_clip import PartialResultError
from mmpose_ext.apis.tracking_options import TrackingOptions
from mmpose_ext.apis.video_pose_lifter import VideoPoseLifter
from mmpose_ext.structures.tracks import (
    ClipCamera,
    LiftedClip,
    LiftedTrack,
    PersonTrack,
)

__all__ = [
    'ClipCamera',
    'GapOptions',
    'JoiningOptions',
    'KeypointLifter',
    'LiftedClip',
    'LiftedTrack',
    'OneEuro',
    'PartialResultError',
    'PersonTrack',
    'StreamedFrame',
    'StreamingLifter',
    'TrackingOptions',
    'VideoPoseLifter',
    'guess_camera',
    'lift_keypoints',
    'read_results',
    'write_results',
]
