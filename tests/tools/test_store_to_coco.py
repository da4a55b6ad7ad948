"""A store and images to COCO person keypoints, and back through stock MMPose."""

import json
from pathlib import Path

import cv2
import mocap_to_store
import numpy as np
import public_formats as formats
import pytest
import store_to_coco as converter
import torch
import videopose3d_to_store
from mmengine.model import BaseModel
from mmengine.runner import Runner
from mmengine.structures import InstanceData
from mmpose.datasets import CocoDataset
from mmpose.models import PoseDataPreprocessor, TopdownPoseEstimator

from mmpose_ext.datasets.frame_store import FrameStore
from mmpose_ext.datasets.synthetic_human36m import write_human36m
from mmpose_ext.geometry import h36m_cameras

METAINFO = dict(from_file='configs/_base_/datasets/h36m.py')
PIPELINE = [
    dict(type='mmpose.LoadImage'),
    dict(type='mmpose.GetBBoxCenterScale'),
    dict(type='mmpose.TopdownAffine', input_size=(48, 64)),
    dict(type='mmpose.PackPoseInputs', pack_transformed=True),
]
MOCAP = Path(__file__).parents[3] / 'shared/data/mocap/mocap_h36m17.npz'
POSES = formats.video_poses()


@pytest.fixture(scope='module')
def blank():
    """A blank JPEG of each height, by height."""
    return {
        height: cv2.imencode('.jpg', np.zeros((height, 1000, 3), np.uint8))[1].tobytes()
        for height in (1000, 1002)
    }


@pytest.fixture
def h36m(tmp_path, blank):
    """A store of Human3.6M and the frames that MMPose's script extracts of it."""
    file = formats.write_data_3d(tmp_path / 'data_3d_h36m.npz', POSES)
    store = tmp_path / 'store'
    videopose3d_to_store.main([str(file), '--out', str(store)])
    for subject, videos in POSES.items():
        for video, pose in videos.items():
            # As Human3.6M calls them, and VideoPose3D does not.
            video = 'WalkingDog' if video == 'WalkDog' else video
            for camera in formats.CAMERAS:
                name = f'{subject}_{video}.{camera}'.replace(' ', '_')
                folder = tmp_path / 'images' / subject / name
                folder.mkdir(parents=True)
                height = h36m_cameras()[subject][camera]['image_size'][1]
                for i in range(0, len(pose), 5):
                    (folder / f'{name}_{i + 1:06d}.jpg').write_bytes(blank[height])
    return store


def convert(store, folder, *options, out=None):
    out = out or folder / 'annotations' / 'h36m.json'
    converter.main([*map(str, (store, folder, *options)), '--out', str(out)])
    return json.loads(out.read_text())


def draw_blank(store, folder, blank, pattern):
    """Blank images for all frames of all sequences of a store, counted from 0."""
    for row in FrameStore(store).sequences:
        for frame in range(row.length):
            file = folder / pattern.format(sequence=row.name, frame=frame)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(blank[row.image_size[1]])


class Oracle(BaseModel):
    """Says where the joints are in the input, and leaves the rest to MMPose."""

    test_cfg: dict = {}

    def __init__(self, noise_px=0.0):
        super().__init__(data_preprocessor=PoseDataPreprocessor())
        self.noise_px = noise_px

    def forward(self, inputs, data_samples, mode='tensor'):
        assert mode == 'predict'
        rng = np.random.default_rng(0)
        found = []
        for sample in data_samples:
            keypoints = sample.gt_instances.transformed_keypoints.copy()
            keypoints += self.noise_px * rng.normal(size=keypoints.shape)
            scores = np.ones(keypoints.shape[:2], np.float32)
            found.append(InstanceData(keypoints=keypoints, keypoint_scores=scores))
        return TopdownPoseEstimator.add_pred_to_datasample(
            self, found, None, data_samples
        )


def score(folder, work_dir, *, noise_px=0.0, **loader):
    """What stock MMPose and the two metrics make of an annotation file."""
    runner = Runner(
        model=Oracle(noise_px),
        work_dir=str(work_dir),
        test_dataloader={
            'batch_size': 16,
            'sampler': {'type': 'DefaultSampler', 'shuffle': False},
            'dataset': dict(
                type='CocoDataset',
                metainfo=METAINFO,
                data_root=str(folder),
                ann_file='annotations/h36m.json',
                data_prefix=dict(img=''),
                test_mode=True,
                pipeline=PIPELINE,
                **loader,
            ),
        },
        test_cfg={},
        test_evaluator=[
            dict(type='JointDetectionRate'),
            dict(type='TriangulatedPoseMetric'),
        ],
        default_scope='mmpose',
        experiment_name='store_to_coco',
    )
    return runner.test()


def test_shapes(tmp_path, h36m, capsys):
    content = convert(h36m, tmp_path)
    # Frames 0 and 5 of videos of 7, 9, 6 and 8 frames, four cameras.
    assert len(content['images']) == len(content['annotations']) == 4 * 4 * 2
    assert content['images'][1]['file_name'] == (
        'images/S1/S1_Directions.54138969/S1_Directions.54138969_000006.jpg'
    )
    videos = {a['action'] for a in content['annotations'] if a['subject'] == 'S1'}
    assert videos == {'Directions', 'Directions 1'}
    assert {a['frame'] for a in content['annotations']} == {0, 5}
    for image, annotation in zip(
        content['images'], content['annotations'], strict=True
    ):
        assert annotation['image_id'] == image['id']
        for key in ('subject', 'action', 'camera', 'frame'):
            assert annotation[key] == image[key]
        assert len(annotation['keypoints']) == 51
        assert annotation['num_keypoints'] == 17
        assert np.shape(annotation['pose_world']) == (17, 3)
    assert 'S9_WalkingDog' in content['images'][-1]['file_name']
    output = capsys.readouterr().out
    assert '32 images of 8 poses, 4 cameras, subjects S1, S5, S9' in output


def test_values(tmp_path, h36m):
    for annotation in convert(h36m, tmp_path)['annotations']:
        subject, camera = annotation['subject'], annotation['camera']
        truth = POSES[subject][annotation['action']][annotation['frame']].astype(float)
        np.testing.assert_allclose(annotation['pose_world'], truth, atol=1e-6)
        expected = formats.project(truth[None], subject, camera)[0]
        keypoints = np.reshape(annotation['keypoints'], (17, 3))
        np.testing.assert_allclose(keypoints[:, :2], expected, atol=2e-3)
        assert (keypoints[:, 2] == 2).all()
        known = h36m_cameras()[subject][camera]
        assert annotation['camera_param'] == {
            **known['intrinsics'],
            **known['extrinsics'],
        }
        x, y, width, height = annotation['bbox']
        extent = np.ptp(expected, axis=0)
        assert extent.argmax() == 1
        assert height == pytest.approx(1.2 * extent[1], abs=0.1)
        assert width == pytest.approx(extent[0] + 0.2 * extent[1], abs=0.1)
        np.testing.assert_allclose(
            [x + width / 2, y + height / 2],
            (expected.min(0) + expected.max(0)) / 2,
            atol=0.1,
        )
        assert annotation['area'] == pytest.approx(width * height, abs=0.1)


def test_stock_dataset(tmp_path, h36m):
    convert(h36m, tmp_path)
    dataset = CocoDataset(
        ann_file=str(tmp_path / 'annotations' / 'h36m.json'),
        metainfo=METAINFO,
        data_prefix=dict(img=str(tmp_path)),
        pipeline=PIPELINE,
    )
    assert len(dataset) == 32
    category = json.loads((tmp_path / 'annotations' / 'h36m.json').read_text())[
        'categories'
    ][0]
    names = [dataset.metainfo['keypoint_id2name'][i] for i in range(17)]
    assert category['keypoints'] == names
    links = {tuple(sorted(link)) for link in dataset.metainfo['skeleton_links']}
    assert {tuple(sorted((a - 1, b - 1))) for a, b in category['skeleton']} == links
    sample = dataset[3]
    assert sample['inputs'].shape == (3, 64, 48)
    inside = sample['data_samples'].gt_instances.transformed_keypoints[0]
    assert (inside > 0).all() and (inside < [48, 64]).all()


def test_round_trip(tmp_path, h36m):
    """The truth as prediction is exact, and errors of it are seen."""
    convert(h36m, tmp_path)
    scores = score(tmp_path, tmp_path / 'work')
    assert scores['MPJPE'] < 0.02
    assert scores['JDR'] == 100
    assert (scores['poses'], scores['poses_left_out']) == (8, 0)
    scores = score(tmp_path, tmp_path / 'work', noise_px=1, indices=16)
    assert scores['poses'] == 4
    assert 5 < scores['MPJPE'] < 100
    assert 30 < scores['JDR'] < 99


def test_round_trip_of_motion_capture(tmp_path, blank):
    """Real motion where it is at hand; pieces of motions keep their clock."""
    if MOCAP.is_file():
        with np.load(MOCAP) as arrays:
            np.savez(tmp_path / 'few.npz', walk=arrays[arrays.files[0]][:12])
        (tmp_path / 'few_index.csv').write_text('key,subject,action\nwalk,01,walk\n')
    else:
        formats.write_mocap(tmp_path / 'few.npz', lengths=(12,))
    store = tmp_path / 'store'
    mocap_to_store.main([str(tmp_path / 'few.npz'), '--out', str(store)])
    pattern = '{sequence}/{frame:04d}.jpg'
    draw_blank(store, tmp_path, blank, pattern)
    convert(store, tmp_path, '--images', pattern, '--first-frame', 0, '--every', 4)
    scores = score(tmp_path, tmp_path / 'work')
    assert scores['MPJPE'] < 0.02
    assert scores['JDR'] == 100
    assert scores['poses'] == 3


def test_simulated_people(tmp_path, blank):
    """Repetitions of an action are different recordings."""
    store = write_human36m(
        *(tmp_path / 'store',),
        num_subjects=2,
        sequences_per_action=2,
        num_frames=4,
        actions=['walk'],
    )
    pattern = '{sequence}_{frame}.jpg'
    draw_blank(store, tmp_path, blank, pattern)
    options = ('--images', pattern, '--first-frame', 0, '--every', 3)
    content = convert(store, tmp_path, *options, '--split', 'test')
    keys = {(a['subject'], a['action'], a['frame']) for a in content['annotations']}
    walks = ('P02_walk_1', 'P02_walk_2')
    assert keys == {('P02', walk, frame) for walk in walks for frame in (0, 3)}


def test_pieces_keep_their_clock(tmp_path, blank):
    """A motion that leaves the image is cut; views of one moment stay together."""
    motion = formats.write_mocap(tmp_path / 'far.npz', lengths=(40,))['cmu_01_01']
    motion = motion - motion[:, :1] * [1, 1, 0]
    # Too far to the left for a while, which each camera sees for another while.
    motion[10:30, :, 0] -= np.sin(np.pi * np.arange(20) / 20)[:, None] * 3
    np.savez(tmp_path / 'far.npz', cmu_01_01=motion)
    store = tmp_path / 'store'
    options = ('--out', str(store), '--outside', 'drop-frames')
    mocap_to_store.main([str(tmp_path / 'far.npz'), *options])
    pieces = FrameStore(store).sequences
    assert len(pieces) > 4 and any(row.extra.get('first_frame') for row in pieces)
    for row in pieces:
        first = row.extra.get('first_frame', 0)
        for frame in range(first, first + row.length):
            file = tmp_path / f'{row.extra["motion"]}_{row.camera}_{frame}.jpg'
            file.write_bytes(blank[row.image_size[1]])
    pattern = '{motion}_{camera}_{frame}.jpg'
    options = ('--images', pattern, '--first-frame', 0, '--every', 3)
    content = convert(store, tmp_path, *options)
    assert all(a['frame'] % 3 == 0 for a in content['annotations'])
    scores = score(tmp_path, tmp_path / 'work')  # would refuse views that disagree
    assert scores['MPJPE'] < 0.02
    assert scores['poses'] + scores['poses_left_out'] == 14
    assert 14 < len(content['annotations']) < 4 * 14


def test_choices(tmp_path, h36m):
    def subjects(*options):
        out = tmp_path / 'chosen.json'
        content = convert(h36m, tmp_path, *options, '--overwrite', out=out)
        return [a['subject'] for a in content['annotations']]

    assert set(subjects('--split', 'train')) == {'S1', 'S5'}
    assert set(subjects('--split', 'test')) == {'S9'}
    assert set(subjects('--subjects', 'S5', 'S9')) == {'S5', 'S9'}
    assert len(subjects('--every', 10)) == 4 * 4
    whole = (tmp_path / 'chosen.json').stat().st_size
    content = convert(h36m, tmp_path, '--every', 10, '--without-3d')
    assert not {'pose_world', 'camera_param'} & set(content['annotations'][0])
    assert (tmp_path / 'annotations' / 'h36m.json').stat().st_size < 0.45 * whole


def test_outside_the_image(tmp_path, blank, capsys):
    """Joints outside are not labelled, people outside are left out."""
    world = POSES['S9']['WalkDog'][:1].repeat(10, 0)
    world[5:] += [40, 0, 0]
    half = world.copy()
    half[:, :, 2] += 1.9
    poses = {'S9': {'Gone': world, 'High': half}}
    file = formats.write_data_3d(tmp_path / 'data_3d_h36m.npz', poses)
    videopose3d_to_store.main([str(file), '--out', str(tmp_path / 'store')])
    for camera, parameters in h36m_cameras()['S9'].items():
        image = blank[parameters['image_size'][1]]
        (tmp_path / f'{camera}_1.jpg').write_bytes(image)
    pattern = '{camera}_{frame}.jpg'  # no image of frame 5, in which nobody is
    content = convert(tmp_path / 'store', tmp_path, '--images', pattern)
    assert {a['frame'] for a in content['annotations']} == {0}
    assert '8 frames left out: nobody in the image' in capsys.readouterr().out
    high = [a for a in content['annotations'] if a['action'] == 'High']
    assert any(0 < a['num_keypoints'] < 17 for a in high)
    for annotation in content['annotations']:
        keypoints = np.reshape(annotation['keypoints'], (17, 3))
        absent = keypoints[:, 2] == 0
        assert (keypoints[absent] == 0).all()
        assert (~absent).sum() == annotation['num_keypoints']
        x, y, width, height = annotation['bbox']
        assert min(x, y) >= 0 and x + width <= 1000 and y + height <= 1002


class TestInvalid:
    def refused(self, store, folder, options, message, error=ValueError):
        out = folder / 'refused.json'
        with pytest.raises(error, match=message):
            convert(store, folder, *options, out=out)
        assert not out.exists()

    def test_missing_images(self, tmp_path, h36m, capsys):
        gone = sorted((tmp_path / 'images').rglob('*Directions_1*_000006.jpg'))
        for file in gone:
            file.unlink()
        message = (
            '4 images are missing, 28 are there.*Directions_1.54138969_000006.*'
            'Directions_1.55011271.*--first-frame.*--skip-missing'
        )
        self.refused(h36m, tmp_path, [], message, FileNotFoundError)
        content = convert(h36m, tmp_path, '--skip-missing')
        assert len(content['annotations']) == 28
        assert '4 frames left out: no image' in capsys.readouterr().out

    def test_no_image_at_all(self, tmp_path, h36m):
        options = ['--first-frame', 100, '--skip-missing']
        self.refused(h36m, tmp_path, options, '0 are there', FileNotFoundError)

    def test_size_of_images(self, tmp_path, h36m, blank):
        file = next((tmp_path / 'images').rglob('*.54138969_000001.jpg'))
        file.write_bytes(blank[1000])
        self.refused(h36m, tmp_path, [], '1000 x 1000, the image size of sequence')
        file.write_bytes(blank[1000][:100])
        self.refused(h36m, tmp_path, [], f'{file.name} is missing or cannot be read')

    def test_choices(self, tmp_path, h36m):
        self.refused(h36m, tmp_path, ['--subjects', 'S7'], r"no subjects \['S7'\]")
        message = "no sequence of split 'val'.*'test', 'train'"
        self.refused(h36m, tmp_path, ['--split', 'val'], message)
        self.refused(h36m, tmp_path, ['--every', 0], '--every 0')
        self.refused(h36m, tmp_path, ['--padding', 0.9], '--padding 0.9')
        options = ['--images', 'video.mp4']
        self.refused(h36m, tmp_path, options, r'has no \{frame\}')
        options = ['--images', '{motion}_{frame}.jpg']
        self.refused(h36m, tmp_path, options, "{motion}_{frame}.jpg' does not fit")

    def test_paths(self, tmp_path, h36m):
        nowhere = tmp_path / 'nowhere'
        with pytest.raises(FileNotFoundError, match='no folder .*nowhere'):
            convert(h36m, nowhere, out=tmp_path / 'a.json')
        with pytest.raises(FileNotFoundError, match='not a FrameStore'):
            convert(nowhere, tmp_path, out=tmp_path / 'a.json')
        out = tmp_path / 'a.json'
        out.write_text('mine')
        with pytest.raises(FileExistsError, match='--overwrite'):
            convert(h36m, tmp_path, out=out)
        assert out.read_text() == 'mine'

    def test_store_without_cameras(self, tmp_path, h36m):
        table = h36m / 'sequences.json'
        rows = json.loads(table.read_text())
        rows[0]['extrinsics'] = None
        table.write_text(json.dumps(rows))
        self.refused(h36m, tmp_path, [], "'S1_Directions_54138969' lacks its camera")


def test_oracle_is_not_the_truth():
    """The runner's model really goes through the input's pixels."""
    from mmpose.structures import PoseDataSample

    sample = PoseDataSample(
        metainfo=dict(
            input_center=np.array([100.0, 50.0]),
            input_scale=np.array([48.0, 64.0]) * 4,
            input_size=(48, 64),
        )
    )
    sample.gt_instances = InstanceData(
        transformed_keypoints=np.full((1, 17, 2), 24.0),
        bboxes=np.zeros((1, 4)),
        bbox_scores=np.ones(1),
    )
    (found,) = Oracle()(torch.zeros(1), [sample], mode='predict')
    np.testing.assert_allclose(found.pred_instances.keypoints[0, 0], [100, 18])
