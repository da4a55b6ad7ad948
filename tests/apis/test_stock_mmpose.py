"""MMPose's own inferencer and demos with the lifters of this package.

Detector and 2D network are tiny and untrained; what they find is arbitrary, but the
same each time, so that the poses of MMPose's code can be computed a second way.
"""

from __future__ import annotations

import json
import runpy
import sys
from pathlib import Path
from types import SimpleNamespace

import cv2
import mmpose
import numpy as np
import pytest
import torch
from mmdet.apis import init_detector
from mmengine.structures import InstanceData
from mmpose.apis import (
    MMPoseInferencer,
    convert_keypoint_definition,
    inference_pose_lifter_model,
    inference_topdown,
    init_model,
)
from mmpose.datasets.datasets.utils import parse_pose_metainfo
from mmpose.structures import PoseDataSample

from mmpose_ext.apis import lift_keypoints
from mmpose_ext.codecs import LiftingLabel
from mmpose_ext.geometry import FLIP_INDICES

ROOT = Path(__file__).parents[2]
DEMOS = Path(mmpose.__file__).parent / '.mim/demo'
T, SIZE, FRAMES = 9, (160, 120), 3
NO_BOX = 0.99
"""A score that no box of the detector has: MMPose then takes the whole frame."""

H36M = parse_pose_metainfo(dict(from_file='configs/_base_/datasets/h36m.py'))
CONFIGS = {
    'prml': 'prml/prml_mocap_9',
    'motionbert': 'prml/motionbert_mocap_9',
    'mixste': 'prml/mixste_mocap_9',
    'd3dp': 'posynda/d3dp_mocap_9',
    'posynda': 'posynda/posynda_mocap_9',
}
SMALL_PRML = f"""
_base_ = '{ROOT}/configs/prml/prml_h36m_243.py'
_size = dict(embed_dims=8, seq_len={T}, num_heads=2)
model = dict(
    backbone=dict(depth_2d=1, depth_d=1, **_size),
    neck=dict(**_size),
    head=dict(in_channels=8, hidden_dims=8),
)
test_dataloader = dict(dataset=dict(seq_len={T}))
"""
POSE_2D = f"""
_base_ = '{ROOT}/tests/fixtures/tiny_pose2d.py'
dataset_type, data_mode = 'CocoDataset', 'topdown'
train_dataloader = dict(dataset=dict(type='CocoDataset'))
visualizer = dict(type='PoseLocalVisualizer')
"""
DETECTOR = """
default_scope = 'mmdet'
_meta = ('img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor')
model = dict(
    type='RetinaNet',
    data_preprocessor=dict(
        type='DetDataPreprocessor', mean=[128] * 3, std=[64] * 3, pad_size_divisor=32
    ),
    backbone=dict(type='ResNet', depth=18, base_channels=4),
    neck=dict(type='FPN', in_channels=[4, 8, 16, 32], out_channels=8, num_outs=5),
    bbox_head=dict(
        type='RetinaHead',
        num_classes=1,
        in_channels=8,
        feat_channels=8,
        stacked_convs=1,
        anchor_generator=dict(
            type='AnchorGenerator', scales=[8], ratios=[2], strides=[4, 8, 16, 32, 64]
        ),
        bbox_coder=dict(type='DeltaXYWHBBoxCoder'),
        loss_cls=dict(type='FocalLoss', use_sigmoid=True),
        loss_bbox=dict(type='L1Loss'),
    ),
    test_cfg=dict(
        nms_pre=100,
        min_bbox_size=8,
        score_thr=0.0,
        nms=dict(type='nms', iou_threshold=0.1),
        max_per_img=2,
    ),
)
test_dataloader = dict(
    dataset=dict(
        type='CocoDataset',
        pipeline=[
            dict(type='LoadImageFromFile'),
            dict(type='Resize', scale=(160, 120), keep_ratio=True),
            dict(type='PackDetInputs', meta_keys=_meta),
        ],
    )
)
test_cfg = dict()
visualizer = dict(type='DetLocalVisualizer')
"""


@pytest.fixture(scope='module')
def video(tmp_path_factory):
    """Noise, wider than high."""
    path = tmp_path_factory.mktemp('video') / 'noise.mp4'
    rng = np.random.default_rng(0)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*'mp4v'), 25, SIZE)
    for _ in range(FRAMES):
        coarse = rng.integers(0, 256, (6, 8, 3), dtype=np.uint8)
        writer.write(cv2.resize(coarse, SIZE, interpolation=cv2.INTER_NEAREST))
    writer.release()
    capture = cv2.VideoCapture(str(path))
    frames = [capture.read()[1] for _ in range(FRAMES)]
    return SimpleNamespace(path=str(path), frames=frames)


@pytest.fixture(scope='module')
def image_networks(tmp_path_factory):
    """Configs and weights of the detector and the 2D network, by MMPose's names."""
    folder = tmp_path_factory.mktemp('networks')
    files = {}
    for name, text, make in (
        ('det', DETECTOR, init_detector),
        ('pose2d', POSE_2D, init_model),
    ):
        config, weights = folder / f'{name}.py', folder / f'{name}.pth'
        config.write_text(text)
        torch.manual_seed(1)
        network = make(str(config), device='cpu')
        torch.save({'state_dict': network.state_dict()}, weights)
        files[name] = (str(config), str(weights))
    return files


@pytest.fixture(scope='module')
def lifters(tmp_path_factory):
    """Makes a lifter: config, weights and the network."""
    folder = tmp_path_factory.mktemp('lifters')
    (folder / 'prml_image.py').write_text(SMALL_PRML)
    made = {}

    def make(name):
        if name not in made:
            config = folder / f'{name}.py'
            if name in CONFIGS:
                config = ROOT / f'configs/{CONFIGS[name]}.py'
            torch.manual_seed(2)
            model = init_model(str(config), device='cpu')
            for weight in model.parameters():
                if weight.dim() > 1:
                    torch.nn.init.normal_(weight, std=0.2)
            checkpoint = {'state_dict': model.state_dict()}
            if name == 'posynda':  # as MMEngine saves; its config does not tell
                checkpoint['meta'] = {'dataset_meta': H36M}
            weights = str(folder / f'{name}.pth')
            torch.save(checkpoint, weights)
            made[name] = SimpleNamespace(
                config=str(config), weights=weights, model=model
            )
        return made[name]

    return make


@pytest.fixture(scope='module')
def keypoints_2d(video, image_networks):
    """What the 2D network finds in whole frames, joints of Human3.6M, (F, 17, 2)."""
    model = init_model(*image_networks['pose2d'], device='cpu')
    found = [
        inference_topdown(model, frame)[0].pred_instances.keypoints
        for frame in video.frames
    ]
    keypoints = np.concatenate(
        [convert_keypoint_definition(points, 'coco', 'h36m') for points in found]
    )
    changes = np.abs(np.diff(keypoints, axis=0)).max(axis=(1, 2))
    assert (changes > 10).all(), 'the frames must differ for a test of windows'
    return keypoints


@pytest.fixture(scope='module')
def inferencers(lifters, image_networks):
    """Makes MMPose's inferencer for a lifter."""
    made = {}
    pose2d, pose2d_weights = image_networks['pose2d']
    det, det_weights = image_networks['det']

    def make(name):
        if name not in made:
            made[name] = MMPoseInferencer(
                pose3d=lifters(name).config,
                pose3d_weights=lifters(name).weights,
                pose2d=pose2d,
                pose2d_weights=pose2d_weights,
                det_model=det,
                det_weights=det_weights,
                det_cat_ids=0,
                device='cpu',
            )
        return made[name]

    return make


def lift(lifter, window, size):
    """The package's own way: the pose ``(K, 3)`` in the middle of ``(T, K, 2)``."""
    camera = dict(zip('wh', size, strict=True))
    codec = lifter.model.head.decoder
    inputs = codec.encode(window, camera_param=camera)['keypoint_labels']
    sample = PoseDataSample(
        metainfo=dict(camera_param=camera, flip_indices=FLIP_INDICES)
    )
    batch = {'inputs': [torch.from_numpy(inputs)], 'data_samples': [sample]}
    poses = lifter.model.test_step(batch)[0].pred_instances.keypoints
    assert poses.shape == (T, 17, 3)
    return poses[T // 2]


def as_mmpose_shows(pose):
    """From the camera frame to the axes of MMPose's results, its lowest point at 0."""
    x, y, z = np.moveaxis(pose, -1, 0)
    return np.stack([-x, z, y.max() - y], axis=-1)


def recentred(keypoints, box):
    """Keypoints with their box where boxes of Human3.6M are on average."""
    low, high = np.asarray(box).reshape(2, 2)
    return (keypoints - (low + high) / 2) / (high - low).max() * 400 + (528, 427)


def run_demo(name, arguments, monkeypatch):
    path = DEMOS / name
    if not path.is_file():
        pytest.skip(f'this MMPose comes without {path}')
    monkeypatch.setattr(sys, 'argv', [name, *map(str, arguments)])
    runpy.run_path(str(path), run_name='__main__')


@pytest.mark.parametrize('name', [*CONFIGS, 'prml_image'])
def test_inferencer(name, lifters, inferencers, video, keypoints_2d):
    """It gives each frame a window of nothing but that frame; see the docs."""
    lifter = lifters(name)
    options = dict(bbox_thr=NO_BOX, disable_norm_pose_2d=True)
    results = list(inferencers(name)(video.path, **options))
    assert len(results) == FRAMES
    poses = []
    for keypoints, result in zip(keypoints_2d, results, strict=True):
        ((person,),) = result['predictions']
        assert np.shape(person['keypoint_scores']) == (17,)
        poses.append(lift(lifter, np.repeat(keypoints[None], T, axis=0), SIZE))
        np.testing.assert_allclose(
            person['keypoints'], as_mmpose_shows(poses[-1]), atol=1e-5
        )
    assert np.abs(np.diff(poses, axis=0)).max() > 5e-4, 'far above the tolerance'


def test_two_people_in_a_picture(lifters, inferencers, video):
    """Detected boxes, moved and scaled to the average box of Human3.6M."""
    lifter, inferencer = lifters('prml'), inferencers('prml')
    (result,) = inferencer(video.frames[0])
    (people,) = result['predictions']
    stage = inferencer.inferencer.pose2d_model
    (found,) = next(stage(video.frames[0]))['predictions']
    assert len(people) == len(found) == 2
    for person, detected in zip(people, found, strict=True):
        keypoints = np.array(detected['keypoints'])[None]
        keypoints = convert_keypoint_definition(keypoints, 'coco', 'h36m')
        window = np.repeat(recentred(keypoints, detected['bbox']), T, axis=0)
        expected = as_mmpose_shows(lift(lifter, window, SIZE))
        np.testing.assert_allclose(person['keypoints'], expected, atol=1e-5)


def test_same_as_lift_keypoints(lifters, inferencers, video, keypoints_2d):
    """The package's own interface on the same window, in the picture as it is."""
    lifter, frame = lifters('prml'), 1
    options = dict(bbox_thr=NO_BOX, disable_norm_pose_2d=True)
    (result,) = inferencers('prml')(video.frames[frame], **options)
    clip = lift_keypoints(
        lifter.config,
        lifter.weights,
        np.repeat(keypoints_2d[frame][None], T, axis=0),
        joints='h36m17',
        image_size=SIZE,
        fps=25,
        person_height=None,
        progress=False,
        device='cpu',
    )
    expected = as_mmpose_shows(clip.tracks[0].poses[T // 2])
    ((person,),) = result['predictions']
    np.testing.assert_allclose(person['keypoints'], expected, atol=1e-5)


def test_axes_of_results_mirror(inferencers, video):
    """A left-handed frame: undone by x = -X, y = -Z, z = Y, up to the height."""
    options = dict(bbox_thr=NO_BOX, disable_rebase_keypoint=True)
    (result,) = inferencers('prml')(video.frames[1], **options)
    shown = np.array(result['predictions'][0][0]['keypoints'])
    own = shown[:, [0, 2, 1]] * [-1, -1, 1]
    limbs = [joints[[1, 8, 13]] - joints[0] for joints in (own, shown)]
    determinants = np.linalg.det(limbs)
    assert determinants[0] == pytest.approx(-determinants[1], rel=1e-4)
    assert (own[0] == 0).all(), 'relative to the root'


def test_inferencer_demo(
    lifters, image_networks, video, keypoints_2d, tmp_path, monkeypatch
):
    lifter = lifters('prml')
    (det, det_weights), (pose2d, pose2d_weights) = image_networks.values()
    arguments = [video.path, '--device', 'cpu', '--disable-norm-pose-2d']
    arguments += ['--bbox-thr', NO_BOX]
    arguments += ['--pose3d', lifter.config, '--pose3d-weights', lifter.weights]
    arguments += ['--pose2d', pose2d, '--pose2d-weights', pose2d_weights]
    arguments += ['--det-model', det, '--det-weights', det_weights]
    arguments += ['--vis-out-dir', tmp_path / 'seen', '--pred-out-dir', tmp_path]
    run_demo('inferencer_demo.py', arguments, monkeypatch)
    frames = json.loads((tmp_path / 'noise.json').read_text())
    assert [frame['frame_id'] for frame in frames] == list(range(FRAMES))
    for keypoints, frame in zip(keypoints_2d, frames, strict=True):
        (person,) = frame['instances']
        pose = lift(lifter, np.repeat(keypoints[None], T, axis=0), SIZE)
        np.testing.assert_allclose(
            person['keypoints'], as_mmpose_shows(pose), atol=1e-5
        )
    capture = cv2.VideoCapture(str(tmp_path / 'seen/noise.mp4'))
    assert capture.get(cv2.CAP_PROP_FRAME_COUNT) == FRAMES
    assert capture.get(cv2.CAP_PROP_FRAME_WIDTH) == 2 * SIZE[0], '2D beside 3D'


@pytest.mark.parametrize('name', ['prml', 'motionbert', 'mixste'])
def test_lifter_demo(
    name, lifters, image_networks, video, keypoints_2d, tmp_path, monkeypatch
):
    """It keeps track, but swaps width and height and counts one frame too far."""
    lifter = lifters(name)
    files = (
        *image_networks['det'],
        *image_networks['pose2d'],
        lifter.config,
        lifter.weights,
    )
    arguments = [*files, '--input', video.path, '--bbox-thr', NO_BOX]
    arguments += ['--device', 'cpu', '--output-root', tmp_path, '--save-predictions']
    run_demo('body3d_pose_lifter_demo.py', arguments, monkeypatch)
    results = json.loads((tmp_path / 'results_noise.json').read_text())
    frames = results['instance_info']
    assert len(frames) == FRAMES
    around = np.arange(T) - T // 2 + 1
    for number, frame in enumerate(frames):
        (person,) = frame['instances']
        window = keypoints_2d[np.clip(number + around, 0, number)]
        pose = lift(lifter, recentred(window, (0, 0, *SIZE)), SIZE[::-1])
        np.testing.assert_allclose(
            person['keypoints'], as_mmpose_shows(pose), atol=1e-5
        )
    capture = cv2.VideoCapture(str(tmp_path / 'noise.mp4'))
    assert capture.get(cv2.CAP_PROP_FRAME_COUNT) == FRAMES


@pytest.mark.parametrize('name', ['prml', 'prml_image', 'd3dp'])
def test_one_frame_is_asked_for(name, lifters, keypoints_2d):
    """MMPose's function wants the pose of the middle frame of the window it gives."""
    lifter = lifters(name)
    window = keypoints_2d[np.arange(T) % FRAMES]
    frames = []
    for keypoints in window:
        sample, instances = PoseDataSample(), InstanceData()
        instances.keypoints, instances.bboxes = keypoints[None], np.zeros((1, 4))
        sample.pred_instances, sample.gt_instances = instances, InstanceData()
        sample.set_field(0, 'track_id')
        frames.append([sample])
    (result,) = inference_pose_lifter_model(lifter.model, frames, image_size=SIZE)
    assert result.pred_instances.keypoints.shape == (1, 17, 3)
    assert result.pred_instances.keypoint_scores.shape == (1, 17)
    expected = lift(lifter, window, SIZE)
    np.testing.assert_allclose(result.pred_instances.keypoints[0], expected, atol=1e-5)


def test_invalid():
    poses, width = torch.zeros(1, T, 17, 3), torch.tensor([1000.0])
    with pytest.raises(ValueError, match='of 3 frames do not fit poses of 9'):
        LiftingLabel().decode(poses, width, torch.zeros(1, 3))
