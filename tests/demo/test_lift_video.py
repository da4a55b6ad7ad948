"""The demo as people call it, with untrained networks."""

import json
import re
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
import untrained
import walking_people as people

from mmpose_ext.apis.result_files import read_results
from mmpose_ext.visualization.video import write_video

DEMO = Path(__file__).parents[2] / 'demo'


@pytest.fixture
def demo(load_script, monkeypatch):
    monkeypatch.syspath_prepend(str(DEMO))
    return load_script('demo/lift_video')


@pytest.fixture
def networks(tmp_path, monkeypatch, pose_store):
    monkeypatch.setenv('POSE_STORE', str(pose_store))
    flags = ['--device', 'cpu']
    for flag, name in (('--pose2d', 'tiny_pose2d'), ('--lifter', 'tiny_lifting')):
        config = str(untrained.FIXTURES / f'{name}.py')
        weights = untrained.write_checkpoint(config, tmp_path / f'{name}.pth')
        flags += [flag, config, weights]
    return flags


@pytest.fixture
def video(tmp_path):
    walkers = people.meeting()
    images = (people.picture(walkers, frame) for frame in range(8))
    write_video(tmp_path / 'walk.mp4', images, fps=25)
    return str(tmp_path / 'walk.mp4')


def test_files(demo, networks, video, tmp_path, capsys):
    out = tmp_path / 'out'
    boxes = tmp_path / 'boxes.json'
    walkers = people.meeting()
    rows = [[w.box(frame).tolist() for w in walkers] for frame in range(8)]
    boxes.write_text(json.dumps(rows))
    flags = ['--boxes', str(boxes), '--formats', 'npz', 'json', '--smooth']
    clip = demo.main([video, *networks, *flags, '--out-dir', str(out)])
    assert len(clip.tracks) == 2 and len(clip) == 8
    read = read_results(out / 'walk_3d.npz')
    np.testing.assert_array_equal(read.tracks[1].poses, clip.tracks[1].poses)
    printed = capsys.readouterr().out
    assert 'walk.mp4: 8 frames at 25 fps' in printed and re.search(
        r'keypoints \d', printed
    )
    assert 'finding people' in printed and 'wrote' in printed


def test_flags(demo, networks, video, tmp_path):
    out = ['--out-dir', str(tmp_path / 'out'), '--formats', 'npz']
    camera = ['--intrinsics', '300', '310', '160', '90', '--model-fps', '50']
    clip = demo.main([video, *networks, *out, *camera, '--whole-image'])
    assert clip.camera.f == (300, 310) and len(clip.tracks) == 1
    args = demo.parse_args([video, '--pose2d', 'a', 'b', '--detector', 'c', 'd'])
    assert args.model_fps == demo.MODEL_FPS
    assert tuple(args.lifter) == (demo.CONFIG, demo.CHECKPOINT)


def test_model_fps(demo, networks, video, tmp_path, monkeypatch):
    """None given: the mean rate where it varies; 0: never."""

    class Stop(Exception):
        pass

    def video_pose_lifter(*args, lifting, **options):
        given.append((lifting.get('model_fps', 'mean'), options['temp_dir']))
        raise Stop

    given = []
    monkeypatch.setattr(demo, 'VideoPoseLifter', video_pose_lifter)
    flags = [video, *networks, '--whole-image', '--temp-dir', str(tmp_path)]
    for rate in ([], ['--model-fps', '0'], ['--model-fps', '25']):
        with pytest.raises(Stop):
            demo.main([*flags, *rate])
    assert given == [(rate, str(tmp_path)) for rate in ('mean', None, 25)]


def test_cfg_options(demo, networks, video):
    flags = [video, *networks, '--whole-image']
    with pytest.raises(ValueError, match='SequenceLifter|nothing'):
        demo.main([*flags, '--cfg-options', 'model.type=nothing'])
    with pytest.raises(ValueError, match='person_height=5'):
        demo.main([*flags, '--person-height', '5'])
    with pytest.raises(ValueError, match='model_fps=-5'):
        demo.main([*flags, '--model-fps', '-5'])


def test_interruption(networks, video, monkeypatch, capsys):
    """What is kept is told in a line, as is the case after an error."""
    command = ['lift_video.py', video, *networks, '--whole-image']
    monkeypatch.setattr(sys, 'argv', command)
    monkeypatch.syspath_prepend(str(DEMO))

    def run(*args, **options):
        raise KeyboardInterrupt('lifting was interrupted. 2D is kept')

    monkeypatch.setattr('mmpose_ext.apis.VideoPoseLifter.run', run)
    with pytest.raises(SystemExit) as caught:
        runpy.run_path(str(DEMO / 'lift_video.py'), run_name='__main__')
    assert caught.value.code == 130
    assert 'lift_video.py: lifting was interrupted. 2D is' in capsys.readouterr().err


def test_detector(demo, networks, video, tmp_path):
    config = str(untrained.FIXTURES / 'tiny_detector.py')
    weights = untrained.write_checkpoint(config, tmp_path / 'detector.pth')
    flags = ['--detector', config, weights, '--score-threshold', '0.99']
    with pytest.raises(ValueError, match='no people in .*gave no box'):
        demo.main([video, *networks, *flags, '--out-dir', str(tmp_path / 'out')])


def test_invalid(demo, networks, tmp_path, monkeypatch, capsys):
    with pytest.raises(SystemExit):
        demo.parse_args(['walk.mp4', '--pose2d', 'a', 'b'])
    assert '--detector --boxes --whole-image' in capsys.readouterr().err
    command = ['lift_video.py', str(tmp_path / 'none.mp4'), *networks, '--whole-image']
    monkeypatch.setattr(sys, 'argv', command)
    with pytest.raises(SystemExit, match='lift_video.py: there is no video .*none.mp4'):
        runpy.run_path(str(DEMO / 'lift_video.py'), run_name='__main__')
