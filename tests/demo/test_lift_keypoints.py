"""The demo as people call it."""

import json
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
import untrained
from compare_lifters import angle_correlation, knee_angles
from failing_windows import FailingWindows

from mmpose_ext.apis import read_results

REPO = Path(__file__).parents[2]
SCRIPT = REPO / 'demo/lift_keypoints.py'


@pytest.fixture(scope='module')
def demo(load_script):
    return load_script('demo/lift_keypoints')


@pytest.fixture
def lifter(tmp_path):
    config, checkpoint = untrained.lifter_arguments(tmp_path, 'tiny_prml')
    return ['--config', config, '--checkpoint', checkpoint, '--device', 'cpu']


@pytest.fixture
def keypoints(tmp_path):
    """A file of 8 frames, scores among them, one joint missing."""
    rng = np.random.default_rng(0)
    array = rng.uniform(100, 300, (1, 17, 3)) + rng.normal(0, 3, (8, 17, 3))
    array[..., 2] = 0.7
    rows = array.tolist()
    rows[3][9][:2] = [None, None]
    path = tmp_path / 'walk.json'
    content = {'keypoints': rows, 'fps': 25, 'image_size': [640, 480]}
    path.write_text(json.dumps(content))
    return str(path)


def test_files(demo, lifter, keypoints, tmp_path, capsys):
    out = tmp_path / 'out'
    formats = ['--formats', 'npz', 'json', '--smooth', '--model-fps', '50']
    clip = demo.main([keypoints, *lifter, *formats, '--out-dir', str(out)])
    assert clip.tracks[0].poses.shape == (8, 17, 3)
    assert clip.tracks[0].scores[3, 13] == 0, 'the left wrist was missing'
    assert clip.camera.source == 'field_of_view'
    assert {path.suffix for path in out.iterdir()} == {'.npz', '.json'}
    printed = capsys.readouterr().out
    assert 'walk.json: 8 frames at 25 fps' in printed
    assert 'm from the camera' in printed and 'camera from field of view' in printed


def test_other_skeleton(demo, lifter, keypoints, tmp_path):
    out = tmp_path / 'out'
    flags = ['--skeleton', 'smpl24', '--formats', 'npz', '--out-dir', str(out)]
    demo.main([keypoints, *lifter, *flags])
    with np.load(out / 'walk_3d.npz') as arrays:
        assert arrays['track_0_poses_smpl24'].shape == (8, 24, 3)


def test_intrinsics(demo, lifter, keypoints, tmp_path):
    flags = ['--intrinsics', '700', '700', '320', '240', '--formats', 'npz']
    clip = demo.main([keypoints, *lifter, *flags, '--out-dir', str(tmp_path / 'out')])
    assert clip.camera.f == (700, 700) and clip.camera.source == 'intrinsics'


def test_own_lifter(demo):
    """Without flags: the lifter and the sample of the repository."""
    args = demo.parse_args([])
    assert args.config == demo.CONFIG and args.checkpoint == demo.CHECKPOINT
    assert args.model_fps == 50
    assert demo.lifting_options(args)['person_height'] == pytest.approx(1 / 3)
    assert demo.CONFIG.is_file()
    args = demo.parse_args(['--model-fps', '0', '--person-height', '0'])
    options = demo.lifting_options(args)
    assert options == dict(model_fps=None, person_height=None, smoothing=None)


def test_squats(demo, tmp_path):
    """The sample with the weights of the repository: knees bend as the hips go down.

    Seen from the front, the height of the hips above the ankles in the picture tells
    how deep a squat is.
    """
    flags = ['--formats', 'npz', '--device', 'cpu', '--out-dir', str(tmp_path)]
    clip = demo.main(flags)
    (track,) = clip.tracks
    assert len(track) == 65 and (tmp_path / 'squats_3d.npz').is_file()
    height = track.keypoints[:, [3, 6], 1] - track.keypoints[:, [1, 4], 1]
    angles = knee_angles(track.poses)
    assert angles.max() > 135 and angles.min() < 90
    assert angle_correlation(angles, height[:, ::-1]) > 0.98
    size = np.linalg.norm(track.poses[:, [8, 3]] - track.poses[:, [0, 2]], axis=-1)
    assert 0.3 < size.mean() < 0.6, 'trunk and shin, metres'


def test_invalid(demo, lifter, keypoints, capsys):
    with pytest.raises(SystemExit):
        demo.main([keypoints, *lifter[:2]])
    assert 'give both or none' in capsys.readouterr().err
    with pytest.raises(SystemExit):
        demo.main([keypoints, '--fov', '60', '--intrinsics', '1', '1', '1', '1'])
    with pytest.raises(ValueError, match='joint sets of 17'):
        demo.main([keypoints, *lifter, '--joints', 'halpe26'])
    with pytest.raises(ValueError, match='focal lengths of the camera are'):
        demo.main([keypoints, *lifter, '--intrinsics', '0', '0', '0', '0'])
    for fps in ('-5', '0', 'nan'):
        with pytest.raises(ValueError, match='arguments: fps is .*; expected a pos'):
            demo.main([keypoints, *lifter, '--fps', fps, '--model-fps', '0'])
    with pytest.raises(ValueError, match='arguments: image_size is'):
        demo.main([keypoints, *lifter, '--image-size', 'nan', '480'])


def test_video_that_cannot_be_read(demo, keypoints, monkeypatch, tmp_path):
    """It is noticed before anything is lifted."""
    monkeypatch.setattr(demo, 'lift_keypoints', None)
    video = tmp_path / 'walk.mp4'
    with pytest.raises(FileNotFoundError, match='walk.mp4'):
        demo.main([keypoints, '--video', str(video)])
    video.write_text('no video')
    with pytest.raises(ValueError, match='walk.mp4'):
        demo.main([keypoints, '--video', str(video)])


def test_joint_set_of_the_file(demo, lifter, keypoints, tmp_path):
    content = json.loads(Path(keypoints).read_text())
    named = tmp_path / 'named.json'
    named.write_text(json.dumps({**content, 'joints': 'h36m17'}))
    flags = [*lifter, '--formats', 'npz', '--out-dir', str(tmp_path / 'out')]
    (track,) = demo.main([str(named), *flags]).tracks
    expected = np.float32(content['keypoints'][0])[:, :2]
    np.testing.assert_allclose(track.keypoints[0], expected)
    (track,) = demo.main([keypoints, *flags]).tracks
    hips = np.float32(content['keypoints'][0])[11:13, :2]
    np.testing.assert_allclose(track.keypoints[0, 0], hips.mean(0), err_msg='coco17')


@pytest.mark.parametrize('error', [RuntimeError, KeyboardInterrupt])
def test_failure_on_the_way(lifter, tmp_path, monkeypatch, capsys, error):
    """A line says what failed and what is kept, and no traceback."""
    windows = FailingWindows(monkeypatch, error)

    def message(keypoints, out):
        path = tmp_path / 'long.json'
        path.write_text(json.dumps(keypoints.tolist()))
        flags = ['--image-size', '640', '480', '--fps', '25', '--out-dir', str(out)]
        monkeypatch.setattr(sys, 'argv', [str(SCRIPT), str(path), *lifter, *flags])
        with pytest.raises(SystemExit) as stop:
            runpy.run_path(str(SCRIPT), run_name='__main__')
        if error is RuntimeError:
            return stop.value.code
        assert stop.value.code == 130
        return capsys.readouterr().err

    keypoints = np.random.default_rng(0).uniform(100, 300, (100, 17, 2))
    windows.left = 1
    kept = tmp_path / 'out/partial_3d.npz'
    assert f'is kept: read_results({str(kept)!r})' in message(keypoints, kept.parent)
    (part,) = read_results(kept).tracks
    assert len(part) == 64, 'a batch of windows of 3 frames'
    windows.left = 0
    text = message(keypoints, tmp_path / 'none').strip()
    assert text == 'lift_keypoints.py: device lost'
    assert not (tmp_path / 'none').exists()


def test_errors_are_one_line(lifter, tmp_path, monkeypatch):
    argv = [str(SCRIPT), str(tmp_path / 'none.json'), *lifter]
    monkeypatch.setattr(sys, 'argv', argv)
    with pytest.raises(SystemExit) as stop:
        runpy.run_path(str(SCRIPT), run_name='__main__')
    assert stop.value.code.startswith('lift_keypoints.py: there is no file')
