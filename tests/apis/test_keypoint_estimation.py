import numpy as np
import pytest
import torch
import untrained
from mmpose.apis import inference_topdown, init_model
from mmpose.datasets.datasets.utils import parse_pose_metainfo
from mmpose.models.heads import HeatmapHead

from mmpose_ext.apis.appearance import LENGTH
from mmpose_ext.apis.frame_people import PersonBoxes
from mmpose_ext.apis.keypoint_estimation import (
    KeypointEstimator,
    decode_in_full_precision,
    joint_set_of,
)
from mmpose_ext.apis.video_frames import VideoFrame
from mmpose_ext.geometry.joint_maps import scores_to_h36m17, to_h36m17

CONFIG = untrained.FIXTURES / 'tiny_pose2d.py'


def meta(name):
    return parse_pose_metainfo(dict(from_file=f'configs/_base_/datasets/{name}.py'))


@pytest.fixture(scope='module')
def checkpoint(tmp_path_factory):
    path = tmp_path_factory.mktemp('pose2d') / 'weights.pth'
    return untrained.write_checkpoint(CONFIG, path)


@pytest.fixture
def frames():
    rng = np.random.default_rng(0)
    return [
        VideoFrame(i, i / 25, rng.integers(0, 256, (120, 160, 3), dtype=np.uint8))
        for i in range(3)
    ]


def boxes(*rows):
    array = np.array(rows, np.float32).reshape(-1, 4)
    return PersonBoxes(array, np.ones(len(array), np.float32))


GIVEN = [
    boxes([10, 10, 60, 110], [80, 20, 140, 115]),
    boxes(),
    boxes([30, 5, 90, 100]),
]


@pytest.mark.parametrize('batch_size', [1, 64])
def test_as_mmpose(checkpoint, frames, batch_size):
    """The same keypoints as MMPose's own function, a frame at a time."""
    estimator = KeypointEstimator(
        CONFIG, checkpoint, batch_size=batch_size, device='cpu'
    )
    assert estimator.joint_set == 'coco17'
    people = estimator(frames, GIVEN)
    assert [len(frame) for frame in people] == [2, 0, 1]
    assert people[1].keypoints.shape == (0, 17, 2)
    model = init_model(str(CONFIG), checkpoint, device='cpu')
    for number in (0, 2):
        samples = inference_topdown(model, frames[number].image, GIVEN[number].boxes)
        points = np.stack([s.pred_instances.keypoints[0] for s in samples])
        scores = np.stack([s.pred_instances.keypoint_scores[0] for s in samples])
        np.testing.assert_allclose(
            people[number].keypoints, to_h36m17(points, 'coco17'), atol=1e-2
        )
        np.testing.assert_allclose(
            people[number].keypoint_scores,
            scores_to_h36m17(np.clip(scores, 0, 1), 'coco17'),
            atol=1e-5,
        )
        assert people[number].colours.shape == (len(GIVEN[number]), LENGTH)
        np.testing.assert_array_equal(people[number].boxes, GIVEN[number].boxes)


def test_joint_sets():
    for name, expected in (('coco', 'coco17'), ('h36m', 'h36m17')):
        assert joint_set_of(meta(name), 'c.py') == expected
    with pytest.raises(ValueError, match=r'c.py finds 16 joints of .mpii.*h36m17 \(17'):
        joint_set_of(meta('mpii'), 'c.py')


def test_halpe26():
    assert joint_set_of(meta('halpe26'), 'c.py') == 'halpe26'


def test_joints_of_the_checkpoint(checkpoint, tmp_path):
    content = torch.load(checkpoint, weights_only=True)
    path = tmp_path / 'h36m.pth'
    content['meta'] = dict(dataset_meta=dict(meta('h36m')))
    torch.save(content, path)
    assert KeypointEstimator(CONFIG, path, device='cpu').joint_set == 'h36m17'


def test_half_precision_heatmaps_are_decoded():
    """DARK blurs heatmaps by OpenCV, which has no half precision."""
    codec = dict(type='MSRAHeatmap', input_size=(48, 64), heatmap_size=(12, 16))
    head = HeatmapHead(4, 17, None, decoder=dict(codec, sigma=1, unbiased=True))
    heatmaps = torch.rand(2, 17, 16, 12, generator=torch.Generator().manual_seed(0))
    expected = head.decode(heatmaps.half().float())
    decode_in_full_precision(head)
    for found, row in zip(head.decode(heatmaps.half()), expected, strict=True):
        np.testing.assert_array_equal(found.keypoints, row.keypoints)
    head.decode = lambda outputs: outputs
    decode_in_full_precision(head)
    x, y = head.decode((heatmaps.half(), heatmaps.half()))
    assert x.dtype == y.dtype == torch.float32


def test_invalid(checkpoint, tmp_path):
    with pytest.raises(ValueError, match='batch_size=0'):
        KeypointEstimator(CONFIG, checkpoint, batch_size=0)
    other = untrained.FIXTURES / 'tiny_lifting.py'
    foreign = untrained.write_checkpoint(other, tmp_path / 'lifter.pth')
    with pytest.raises(ValueError, match='lacks .* weights of .*tiny_pose2d.py'):
        KeypointEstimator(CONFIG, foreign, device='cpu')
