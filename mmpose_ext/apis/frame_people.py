"""What is found in one frame: boxes of people, then their keypoints."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mmpose_ext.geometry.skeletons import H36M17


@dataclass(frozen=True)
class PersonBoxes:
    """Boxes of people in one frame.

    Attributes:
        boxes: ``x1, y1, x2, y2`` in pixels, ``(P, 4)``, float32.
        scores: From 0 to 1, ``(P,)``, float32.
    """

    boxes: np.ndarray
    scores: np.ndarray

    def __len__(self) -> int:
        return len(self.boxes)


@dataclass(frozen=True)
class FramePeople(PersonBoxes):
    """People in one frame.

    Attributes:
        keypoints: Joints of Human3.6M, pixels, ``(P, 17, 2)``, float32.
        keypoint_scores: From 0 to 1, ``(P, 17)``, float32.
        colours: Histograms of the clothes' colours ``(P, A)``, float32, see
            :mod:`mmpose_ext.apis.appearance`; 0 where none is known.
    """

    keypoints: np.ndarray
    keypoint_scores: np.ndarray
    colours: np.ndarray

    def __post_init__(self) -> None:
        number, joints = len(self.boxes), H36M17.num_joints
        shapes = (
            self.boxes.shape,
            self.scores.shape,
            self.keypoints.shape,
            self.keypoint_scores.shape,
            self.colours.shape[:1],
        )
        expected = (
            (number, 4),
            (number,),
            (number, joints, 2),
            (number, joints),
            (number,),
        )
        if shapes != expected:
            raise ValueError(
                'boxes, scores, keypoints, keypoint scores and colours have shapes '
                f'{shapes}; expected {expected}'
            )
