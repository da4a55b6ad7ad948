"""TriangulatedPoseMetric: 3D error of 2D predictions in several views."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from mmengine.evaluator import BaseMetric
from mmengine.logging import MMLogger
from mmpose.registry import METRICS

from mmpose_ext.evaluation.metrics.limb_keypoints import (
    check_groups,
    limb_columns,
    one_person,
    skeleton_of,
)
from mmpose_ext.evaluation.metrics.scored_frames import to_array
from mmpose_ext.geometry.skeletons import H36M17
from mmpose_ext.geometry.triangulation import Triangulation, triangulate

SAME_TRUTH_M = 1e-3
LEAST_SCORE = 1e-3
CAMERA_SHAPES = {'f': (2,), 'c': (2,), 'distortion': (5,), 'R': (3, 3), 't': (3,)}
_HINT = (
    'make the annotation file with tools/dataset_converters/store_to_coco.py (without '
    '--without-3d) and keep raw_ann_info among the meta_keys of PackPoseInputs'
)


@dataclass(frozen=True)
class PoseView:
    """What one camera saw of one pose: the joints asked for, and the camera.

    ``key`` is (subject, action, frame); ``keypoints`` ``(J, 2)`` pixels, ``scores``
    ``(J,)``, ``truth`` ``(J, 3)`` world, metres.
    """

    key: tuple[str, str, int]
    camera: str
    keypoints: np.ndarray
    scores: np.ndarray
    parameters: dict[str, np.ndarray]
    truth: np.ndarray


@METRICS.register_module()
class TriangulatedPoseMetric(BaseMetric):
    """MPJPE of poses that are triangulated from 2D predictions, millimetres.

    The 3D score of Xie et al., ICCV 2021, Tables 6 (shoulder, elbow, wrist) and 8
    (knee, ankle, elbow, wrist): a 2D estimator sees each view by itself, the views of a
    frame give the 3D joints. Errors are taken in the world, without any alignment or
    root.

    Names of results: ``MPJPE/<group>``, over the left and the right joint of a group in
    all poses, and ``MPJPE``, the mean over the groups; ``poses``, the number of poses
    that were scored, ``poses_left_out``, of which fewer than two views were tested, and
    ``joints_left_out``, the number of joints in scored poses whose rays do not meet.

    Expected in a data sample, as stock top-down data sets and estimators make it from
    the files of ``tools/dataset_converters/store_to_coco.py``:
    ``pred_instances.keypoints`` ``(1, K, 2)``, pixels of the whole image, and
    ``keypoint_scores`` ``(1, K)``; in the meta information ``raw_ann_info`` with
    ``subject``, ``action`` (the recording), ``camera``, ``frame``, ``camera_param``
    (f, c, distortion, R, t) and ``pose_world`` ``(17, 3)``, Human3.6M-17, metres.

    Args:
        joint_groups: Any of shoulder, elbow, wrist, hip, knee, ankle.
        pred_skeleton: Joints of the prediction: ``'mpii16'``, ``'coco17'``,
            ``'h36m17'``, a list of names, or ``None`` for those of the data set.
        use_scores: Weight each keypoint with its score.
        max_error: Leave views out that disagree by more pixels with those that agree,
            see :func:`~mmpose_ext.geometry.triangulation.triangulate`; none is left
            out if ``None``.
        refinements: See there.
        collect_device: As in MMEngine.
        prefix: As in MMEngine.
        collect_dir: As in MMEngine.

    Raises:
        ValueError: If an option is unknown or out of range; later, if a sample lacks
            something, a camera has two predictions of one frame, views disagree about
            the truth, or no pose has two views.
    """

    default_prefix = ''

    def __init__(
        self,
        joint_groups: Sequence[str] = ('shoulder', 'elbow', 'wrist', 'knee', 'ankle'),
        *,
        pred_skeleton: str | Sequence[str] | None = None,
        use_scores: bool = True,
        max_error: float | None = None,
        refinements: int = 0,
        collect_device: str = 'cpu',
        prefix: str | None = None,
        collect_dir: str | None = None,
    ) -> None:
        super().__init__(collect_device, prefix, collect_dir)
        self.joint_groups = check_groups(joint_groups)
        if isinstance(pred_skeleton, str):
            skeleton_of(pred_skeleton, None)  # a wrong name ends here
        if (max_error is not None and not max_error > 0) or refinements < 0:
            raise ValueError(
                f'max_error={max_error} must be above 0 or None, refinements='
                f'{refinements} not negative'
            )
        self.pred_skeleton, self.use_scores = pred_skeleton, use_scores
        self.max_error, self.refinements = max_error, refinements

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Keep the limbs of each view.

        Args:
            data_batch: Not used.
            data_samples: Samples as described at the class.
        """
        names = skeleton_of(self.pred_skeleton, self.dataset_meta)
        pred = limb_columns(names, self.joint_groups)
        true = limb_columns(H36M17.joint_names, self.joint_groups)
        for sample in data_samples:
            keypoints = one_person(sample, 'pred_instances', len(names))
            scores = np.ones(len(names), np.float32)
            if self.use_scores:
                given = _entry(sample['pred_instances'], 'keypoint_scores', sample)
                scores = np.maximum(to_array(given).reshape(-1), LEAST_SCORE)
            record = _entry(sample, 'raw_ann_info', sample)
            truth = np.asarray(_entry(record, 'pose_world', sample), float)
            self.results.append(
                PoseView(
                    key=(
                        str(_entry(record, 'subject', sample)),
                        str(_entry(record, 'action', sample)),
                        int(_entry(record, 'frame', sample)),
                    ),
                    camera=str(_entry(record, 'camera', sample)),
                    keypoints=keypoints[pred],
                    scores=scores[pred],
                    parameters=_camera(_entry(record, 'camera_param', sample), sample),
                    truth=truth.reshape(H36M17.num_joints, 3)[true],
                )
            )

    def compute_metrics(self, results: list[PoseView]) -> dict[str, float]:
        """Triangulate all poses at once and average.

        Args:
            results: What :meth:`process` kept, of all ranks.
        """
        poses = group_views(results)
        scored = [views for views in poses if len(views) > 1]
        if not scored:
            raise ValueError(
                f'none of {len(poses)} poses was seen by two cameras; test all cameras '
                'of a recording, and the same frames of each'
            )
        found = self._triangulate(scored)
        truth = np.stack([next(iter(views.values())).truth for views in scored])
        errors = 1000 * np.linalg.norm(found.points - truth, axis=-1)
        means = {
            group: _mean(errors[:, 2 * index : 2 * index + 2])
            for index, group in enumerate(self.joint_groups)
        }
        left_out = len(poses) - len(scored)
        self._log(found, left_out)
        return {
            'MPJPE': _mean(np.array(list(means.values()))),
            **{f'MPJPE/{group}': mean for group, mean in means.items()},
            'poses': len(scored),
            'poses_left_out': left_out,
            'joints_left_out': int((~found.valid).sum()),
        }

    def _triangulate(self, poses: Sequence[Mapping[str, PoseView]]) -> Triangulation:
        """Joints ``(poses, J, 3)``; a camera without a view has NaN keypoints."""
        cameras = sorted(set().union(*poses))
        anyone = next(iter(poses[0].values()))
        shape = len(poses), len(cameras)
        keypoints = np.full((*shape, *anyone.keypoints.shape), np.nan)
        scores = np.zeros(keypoints.shape[:-1])
        parameters = {
            name: np.broadcast_to(value, (*shape, *value.shape)).copy()
            for name, value in anyone.parameters.items()
        }
        for row, views in enumerate(poses):
            for camera, view in views.items():
                place = row, cameras.index(camera)
                keypoints[place], scores[place] = view.keypoints, view.scores
                for name, value in view.parameters.items():
                    parameters[name][place] = value
        return triangulate(
            keypoints,
            **parameters,
            weights=scores,
            max_error=self.max_error,
            refinements=self.refinements,
        )

    def _log(self, found: Triangulation, left_out: int) -> None:
        logger = MMLogger.get_current_instance()
        given = ~np.isnan(found.errors)
        weights = 'scores' if self.use_scores else 'none'
        logger.info(
            f'Triangulated {len(found.points)} poses from {found.errors.shape[1]} '
            f'cameras; weights: {weights}, max_error: {self.max_error} px; '
            f'{found.used.sum() / max(given.sum(), 1):.1%} of the keypoints used, '
            f'{_mean(found.errors[found.used]):.2f} px from the projected joints'
        )
        if left_out:
            logger.warning(
                f'{left_out} poses were seen by one camera only and are left out'
            )


def group_views(views: Sequence[PoseView]) -> list[dict[str, PoseView]]:
    """The views of each pose by camera, poses in order of subject, action, frame.

    Raises:
        ValueError: If a camera has two views of a pose, or their truths differ.
    """
    poses: dict[tuple[str, str, int], dict[str, PoseView]] = {}
    for view in views:
        pose = poses.setdefault(view.key, {})
        where = 'subject {}, action {}, frame {}'.format(*view.key)
        if view.camera in pose:
            raise ValueError(
                f'{where}: two predictions for camera {view.camera}; recordings of '
                'one subject need different actions'
            )
        pose[view.camera] = view
        first = next(iter(pose.values()))
        apart = np.abs(first.truth - view.truth).max()
        if apart > SAME_TRUTH_M:
            raise ValueError(
                f'{where}: the true poses of cameras {first.camera} and {view.camera} '
                f'differ by {1000 * apart:.0f} mm; cameras must count frames from one '
                'moment, and recordings of one subject need different actions'
            )
    return [poses[key] for key in sorted(poses)]


def _entry(holder: Mapping[str, Any], key: str, sample: Mapping[str, Any]) -> Any:
    if holder.get(key) is None:
        raise ValueError(f'{sample.get("img_path", "a sample")} has no {key}; {_HINT}')
    return holder[key]


def _camera(
    camera: Mapping[str, Any], sample: Mapping[str, Any]
) -> dict[str, np.ndarray]:
    given = {'distortion': [0.0] * 5, **camera}
    return {
        name: np.asarray(_entry(given, name, sample), float).reshape(shape)
        for name, shape in CAMERA_SHAPES.items()
    }


def _mean(values: np.ndarray) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else math.nan
