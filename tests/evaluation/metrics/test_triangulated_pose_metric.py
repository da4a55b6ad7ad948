"""2D predictions of several views, scored in 3D. In a runner: test_store_to_coco."""

import numpy as np
import public_formats as formats
import pytest
from mmengine.evaluator import Evaluator
from mmengine.structures import InstanceData
from mmpose.structures import PoseDataSample

from mmpose_ext.evaluation.metrics import TriangulatedPoseMetric
from mmpose_ext.evaluation.metrics.limb_keypoints import SKELETONS
from mmpose_ext.geometry import H36M17, h36m_cameras

META = {'keypoint_id2name': dict(enumerate(H36M17.joint_names))}
GROUPS = ('shoulder', 'elbow', 'wrist', 'knee', 'ankle')
CAMERAS = list(h36m_cameras()['S9'])
POSES = formats.world_motion(np.random.default_rng(0), 3)


def view(frame, camera, *, pose=None, subject='S9', skeleton='h36m17', **record):
    """What an estimator finds: without error the joints of ``pose``."""
    parameters = h36m_cameras()[subject][camera]
    pixels = formats.project(
        (POSES[frame] if pose is None else pose)[None], subject, camera
    )
    names = SKELETONS[skeleton]
    pred = np.full((1, len(names), 2), -1e4, np.float32)
    for column, name in enumerate(names):
        name = name.replace('ankle', 'foot')
        if name in H36M17.joint_names:
            pred[0, column] = pixels[0, H36M17.joint_names.index(name)]
    record = {
        'subject': subject,
        'action': 'Directions 1',
        'camera': camera,
        'frame': frame,
        'pose_world': POSES[frame].tolist(),
        'camera_param': {**parameters['intrinsics'], **parameters['extrinsics']},
        **record,
    }
    sample = PoseDataSample(
        metainfo={'img_path': f'{camera}_{frame}.jpg', 'raw_ann_info': record}
    )
    sample.pred_instances = InstanceData(
        keypoints=pred, keypoint_scores=np.ones(pred.shape[:2], np.float32)
    )
    return sample


def views(frames=(0, 1, 2), cameras=CAMERAS, **options):
    return [view(frame, camera, **options) for camera in cameras for frame in frames]


def evaluate(samples, meta=META, **options):
    evaluator = Evaluator(TriangulatedPoseMetric(**options))
    evaluator.dataset_meta = meta
    for start in range(0, len(samples), 5):
        evaluator.process(samples[start : start + 5])
    return evaluator.evaluate(len(samples))


def displaced(**metres):
    """The poses with joints, by name, moved along x."""
    poses = POSES.copy()
    for name, shift in metres.items():
        poses[:, H36M17.joint_names.index(name), 0] += shift
    return poses


def test_shapes():
    scores = evaluate(views())
    assert list(scores) == [
        *('MPJPE', *(f'MPJPE/{group}' for group in GROUPS)),
        *('poses', 'poses_left_out', 'joints_left_out'),
    ]
    assert scores['MPJPE'] < 0.02
    assert (scores['poses'], scores['poses_left_out']) == (3, 0)


def test_values():
    """A prediction that fits another pose exactly has the error of that pose."""
    moved = displaced(left_wrist=0.03, right_wrist=0.01, left_foot=0.08, head=1.0)
    samples = [view(f, c, pose=moved[f]) for f in range(3) for c in CAMERAS]
    scores = evaluate(samples)
    assert scores['MPJPE/wrist'] == pytest.approx(20, abs=0.02)
    assert scores['MPJPE/ankle'] == pytest.approx(40, abs=0.02)
    assert scores['MPJPE/elbow'] == pytest.approx(0, abs=0.02)
    assert scores['MPJPE'] == pytest.approx((20 + 40) / 5, abs=0.02)
    table_6 = evaluate(samples, joint_groups=['shoulder', 'elbow', 'wrist'])
    assert table_6['MPJPE'] == pytest.approx(20 / 3, abs=0.02)
    assert 'MPJPE/ankle' not in table_6


def test_no_alignment():
    """A pose that is right but elsewhere is wrong."""
    moved = POSES + [0, 0.1, 0]
    scores = evaluate([view(0, c, pose=moved[0]) for c in CAMERAS])
    assert scores['MPJPE'] == pytest.approx(100, abs=0.02)


@pytest.mark.parametrize('skeleton', ['mpii16', 'coco17'])
def test_other_skeletons(skeleton):
    scores = evaluate(views(skeleton=skeleton), pred_skeleton=skeleton)
    assert scores['MPJPE'] < 0.02


def test_grouping():
    """Order does not matter; subjects, actions and frames are different poses."""
    samples = views((0, 1)) + views((0,), action='Directions')
    samples += views((2,), subject='S11')
    order = np.random.default_rng(0).permutation(len(samples))
    scores = evaluate([samples[i] for i in order])
    assert scores['poses'] == 4
    assert scores['MPJPE'] < 0.02


def test_fewer_views():
    """Two views are enough, one is not."""
    samples = views((0,)) + views((1,), CAMERAS[1:3]) + views((2,), CAMERAS[:1])
    scores = evaluate(samples)
    assert (scores['poses'], scores['poses_left_out']) == (2, 1)
    assert scores['MPJPE'] < 0.02 and scores['joints_left_out'] == 0
    with pytest.raises(ValueError, match='none of 3 poses was seen by two cameras'):
        evaluate(views(cameras=CAMERAS[:1]))


def test_scores_are_weights():
    samples = views((0,))
    samples[1].pred_instances.keypoints += 40
    plain = evaluate(samples)['MPJPE']
    samples[1].pred_instances.keypoint_scores *= 0.01
    assert evaluate(samples)['MPJPE'] < 0.1 * plain
    assert evaluate(samples, use_scores=False)['MPJPE'] == pytest.approx(plain)
    # A score of 0 leaves a keypoint in: with no better one, it makes the joint.
    for sample in samples:
        sample.pred_instances.keypoint_scores[:] = 0
    scores = evaluate(samples)
    assert scores['joints_left_out'] == 0
    assert scores['MPJPE'] == pytest.approx(plain, rel=1e-3)


def test_bad_view_is_left_out():
    samples = views()
    for sample in samples[3:6]:
        sample.pred_instances.keypoints += 60
    assert evaluate(samples)['MPJPE'] > 30
    scores = evaluate(samples, max_error=15, refinements=1)
    assert scores['MPJPE'] < 0.02


def test_predictions_that_are_no_numbers():
    """They are counted, and the others scored."""
    samples = views((0,))
    for sample in samples[1:]:
        sample.pred_instances.keypoints[:, 13] = np.nan
    scores = evaluate(samples)
    assert scores['joints_left_out'] == 1 and scores['MPJPE'] < 0.02


def test_disagreement():
    with pytest.raises(ValueError, match='frame 0.*54138969 and 55011271 differ by'):
        evaluate([view(0, CAMERAS[0]), view(0, CAMERAS[1], pose_world=POSES[1] + 0.1)])
    with pytest.raises(ValueError, match='two predictions for camera 54138969'):
        evaluate([view(0, CAMERAS[0]), view(0, CAMERAS[0])])


def test_camera_without_distortion():
    """Zeros if it is not given."""
    samples = views((0,))
    for sample in samples:
        sample.raw_ann_info['camera_param'].pop('distortion')
    assert 1 < evaluate(samples)['MPJPE'] < 100


@pytest.mark.parametrize('key', ['subject', 'frame', 'camera_param', 'pose_world'])
def test_incomplete_records(key):
    with pytest.raises(ValueError, match=f'54138969_0.jpg has no {key}.*store_to_coco'):
        sample = view(0, CAMERAS[0])
        sample.raw_ann_info.pop(key)
        evaluate([sample])


def test_invalid():
    with pytest.raises(ValueError, match='max_error=-1'):
        TriangulatedPoseMetric(max_error=-1)
    with pytest.raises(ValueError, match='refinements=-1'):
        TriangulatedPoseMetric(refinements=-1)
    with pytest.raises(ValueError, match="skeleton 'mpii'"):
        TriangulatedPoseMetric(pred_skeleton='mpii')
    with pytest.raises(ValueError, match='joint_groups='):
        TriangulatedPoseMetric(joint_groups=['nose'])
    sample = view(0, CAMERAS[0])
    sample.set_metainfo({'raw_ann_info': None})
    with pytest.raises(ValueError, match='has no raw_ann_info.*PackPoseInputs'):
        evaluate([sample])
    sample = view(0, CAMERAS[0])
    sample.raw_ann_info['camera_param'].pop('R')
    with pytest.raises(ValueError, match='has no R'):
        evaluate([sample])
    with pytest.raises(ValueError, match=r'\(1, 16, 2\).*pred_skeleton'):
        evaluate(views(skeleton='mpii16'))
    sample = view(0, CAMERAS[0])
    del sample.pred_instances.keypoint_scores
    with pytest.raises(ValueError, match='has no keypoint_scores'):
        evaluate([sample])
