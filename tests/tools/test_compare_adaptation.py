"""Unadapted beside adapted: which frames, which errors, which picture."""

import argparse
import json

import compare_adaptation as tool
import cv2
import numpy as np
import pytest
import untrained
from mmengine.config import Config

from mmpose_ext.engine.inference import LiftedFrames


@pytest.fixture
def lifters(tmp_path, tiny_config_file):
    files = untrained.lifter_arguments(tmp_path, 'tiny_diffusion', 'tiny_posynda')
    return [*files, '--labels', 'before', 'after', '--size', '64']


def frames_of(errors_m, *, seen=None):
    """Frames whose joints are all off by so many metres."""
    number = len(errors_m)
    truth = np.random.default_rng(0).normal(size=(number, 17, 3))
    pred = truth + np.array(errors_m)[:, None, None] * np.array([0, 0, 1])
    return LiftedFrames(
        sequence=np.zeros(number, int),
        frame=np.arange(number),
        pred=pred,
        truth=truth,
        seen=np.ones((number, 17), bool) if seen is None else seen,
        inputs=np.zeros((number, 17, 2)),
    )


def chosen(errors, people, number, choose='quantiles', seen=None):
    frames = frames_of(errors[0], seen=seen)
    named = {str(i): np.array(e) for i, e in enumerate(errors)}
    args = argparse.Namespace(choose=choose, frames=number)
    return tool.choose_frames(frames, named, np.array(people), args)


def test_errors():
    seen = np.ones((2, 17), bool)
    seen[1, 3:] = False
    frames = frames_of([0.02, 0.05], seen=seen)
    frames.pred[1, 10] = 9
    np.testing.assert_allclose(tool.errors_of(frames), [20, 50])


def test_quantiles():
    """In order of the mean error of both lifters, spaced evenly, ends left out."""
    first = [7, 1, 3, 9, 5, 4, 2, 8, 6, 0]
    second = [7, 1, 3, 9, 5, 4, 2, 8, 6, 0]
    rows, places = chosen([first, second], ['x'] * 10, 5)
    assert [first[row] for row in rows] == [1, 3, 5, 7, 9]
    np.testing.assert_allclose(places, [0.15, 0.35, 0.55, 0.75, 0.95])
    better = [10 - e for e in first]
    rows, _ = chosen([first, better], ['x'] * 10, 3)
    assert rows.tolist() == [1, 5, 8], 'all equal: by their order'
    rows, _ = chosen([first], ['x'] * 10, 99)
    assert len(set(rows)) == 10


def test_people():
    errors = [5, 1, 9, 2, 30, 10, 20]
    people = ['b', 'b', 'b', 'b', 'a', 'a', 'a']
    rows, _ = chosen([errors], people, 5, 'people')
    assert rows.tolist() == [6, 0]
    rows, _ = chosen([errors], people, 1, 'people')
    assert len(rows) == 1


def test_frames_without_all_joints():
    seen = np.ones((4, 17), bool)
    seen[[0, 2], 4] = False
    rows, places = chosen([[1, 2, 3, 4]], ['x'] * 4, 4, seen=seen)
    assert rows.tolist() == [1, 3] and places.tolist() == [0.25, 0.75]
    with pytest.raises(ValueError, match='no frame with the truth of all joints'):
        chosen([[1, 2, 3, 4]], ['x'] * 4, 4, seen=~seen & seen)


def test_summary():
    errors = {'a': np.array([1.0, 2, 3, 4]), 'b': np.array([0.0, 3, 2, 1])}
    found = tool.summary(errors)
    assert found['mean_MPJPE_mm'] == {'a': 2.5, 'b': 1.5}
    assert found['better_than_a'] == {'b': 0.75}


@pytest.mark.parametrize('choose', ['quantiles', 'people'])
def test_in_runner(lifters, tmp_path, choose, capsys):
    out = tmp_path / 'out'
    flags = ['--choose', choose, '--frames', '3', '--out', str(out)]
    report = tool.main([*lifters, *flags])
    assert json.loads((out / 'adaptation.json').read_text()) == report
    assert report['scored_frames'] == 50
    rows = 3 if choose == 'quantiles' else 1
    assert len(report['frames']) == rows
    picture = cv2.imread(str(out / 'adaptation.png'))
    assert picture.shape == (rows * 68 - 4, 4 * 68 - 4, 3)
    frame = report['frames'][0]
    assert frame['subject'] == 'S3' and frame['sequence'].startswith('S3_')
    assert set(frame['MPJPE_mm']) == {'before', 'after'}
    text = capsys.readouterr().out
    assert f'{frame["MPJPE_mm"]["after"]:.1f}' in text


def test_panels(lifters, tmp_path):
    """The truth's panel and the input's do not depend on the lifter."""
    out = tmp_path / 'out'
    tool.main([*lifters, '--frames', '1', '--out', str(out)])
    picture = cv2.imread(str(out / 'adaptation.png'))
    panels = [picture[:, i * 68 : i * 68 + 64] for i in range(4)]
    assert all((panel < 255).any() for panel in panels)
    assert (panels[1] != panels[2]).any() and (panels[2] != panels[3]).any()


def test_invalid(lifters, tmp_path):
    out = ['--out', str(tmp_path / 'out')]
    other = tmp_path / 'other.py'
    cfg = Config.fromfile(lifters[0])
    cfg.test_dataloader.dataset.tail = 'drop'
    cfg.test_dataloader.dataset.stride = 7
    cfg.dump(other)
    with pytest.raises(ValueError, match='after and before score different frames'):
        tool.main([lifters[0], lifters[1], str(other), lifters[1], *lifters[4:], *out])
    with pytest.raises(SystemExit):
        tool.main([*lifters, '--frames', '0', *out])
    assert not (tmp_path / 'out').exists()
