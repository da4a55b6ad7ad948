"""Errors along the axes of the camera."""

import json

import axis_errors as tool
import matplotlib.image
import numpy as np
import pytest
import torch
import untrained
from mmengine.config import Config
from mmengine.runner import Runner


@pytest.fixture
def lifters(tmp_path, tiny_config_file):
    return untrained.lifter_arguments(tmp_path, 'tiny_lifting', 'tiny_prml')


def test_one_joint():
    truth = torch.zeros(1, 2, 3)
    pred = truth.clone()
    pred[0, 1] = torch.tensor([0.03, -0.04, 0.12])
    expected = {'x': 30, 'y': 40, 'depth': 120, '2D': 50, '3D': 130}
    for seen, share in (([True, True], 0.5), ([False, True], 1), ([True, False], 0)):
        errors = tool.frame_errors(pred, truth, torch.tensor([seen]))
        for axis, mm in expected.items():
            assert errors[axis].item() == pytest.approx(share * mm)


@pytest.mark.parametrize(
    ('weighting', 'mean'), [('frame', 6), ('sequence', 7), ('action', 8)]
)
def test_weighting(weighting, mean):
    """Four frames: two sequences of `walk`, one frame of `sit`."""
    grouped = tool.group_errors(
        {'3D': np.array([2.0, 4, 6, 12])},
        np.array(['walk', 'walk', 'walk', 'sit']),
        np.array([0, 0, 1, 2]),
        weighting=weighting,
    )
    assert grouped['walk'] == {'3D': 4} and grouped['sit'] == {'3D': 12}
    assert grouped[tool.ALL] == {'3D': pytest.approx(mean)}


def test_in_runner(lifters, tmp_path):
    """The 3D error is the metric's MPJPE, and its outfile gives the same bars."""
    out = tmp_path / 'out'
    errors = tool.main([*lifters, '--labels', 'A', 'B', '--out', str(out)])
    report = json.loads((out / 'axis_errors.json').read_text())
    assert report['errors'] == errors
    assert set(report['hard_actions']) == {'Walking', 'Sitting'}
    assert matplotlib.image.imread(out / 'axis_errors.png').ndim == 3
    cfg = Config.fromfile(lifters[0])
    cfg.work_dir, cfg.load_from = str(tmp_path / 'work'), lifters[1]
    cfg.experiment_name = 'axis_errors'
    outfile = str(tmp_path / 'metrics.json')
    cfg.test_evaluator.outfile = outfile
    metrics = Runner.from_cfg(cfg).test()
    everything = errors['A'][tool.ALL]
    assert everything['3D'] == pytest.approx(metrics['MPJPE'], abs=1e-3)
    assert everything['2D'] == pytest.approx(metrics['MPJPE_xy'], abs=1e-3)
    assert everything['depth'] == pytest.approx(metrics['MPJPE_depth'], abs=1e-3)
    sitting = metrics['MPJPE/action/Sitting']
    assert errors['A']['Sitting']['3D'] == pytest.approx(sitting, abs=1e-3)
    read = tool.main(['--metrics', outfile, '--labels', 'A', '--out', str(out)])
    for group, axes in read['A'].items():
        assert set(axes) == {'2D', 'depth', '3D'}
        for axis, mm in axes.items():
            assert mm == pytest.approx(errors['A'][group][axis], abs=1e-3)


def test_hard_actions():
    errors = {
        label: {tool.ALL: {'3D': 0.0}, **{a: {'3D': mm} for a, mm in rows.items()}}
        for label, rows in {
            'A': dict(walk=1.0, sit=9.0, wave=5.0, kick=2.0),
            'B': dict(walk=1.0, sit=4.0, wave=6.0, kick=8.0, jump=99.0),
        }.items()
    }
    assert tool.chosen_actions(errors, None) == ['sit', 'wave', 'kick']
    assert tool.chosen_actions(errors, ['kick', 'walk']) == ['kick', 'walk']
    with pytest.raises(ValueError, match=r"\['jump'\].*known: \['kick', 'sit'"):
        tool.chosen_actions(errors, ['jump'])


def test_pictures():
    axes = {'2D': 1.0, 'depth': 2.0, '3D': 3.0}
    errors = {
        'A': {tool.ALL: {'x': 0.5, **axes}, 'sit': {'x': 0.5, **axes}},
        'B': {tool.ALL: axes, 'sit': axes},
    }
    figure = tool.draw(errors, ['sit'])
    assert [ax.get_title() for ax in figure.axes] == [tool.ALL, 'sit']
    ticks = [label.get_text() for label in figure.axes[0].get_xticklabels()]
    assert ticks == ['2D', 'depth', '3D'], 'what all lifters have'


def test_invalid(lifters, tmp_path):
    out = ['--out', str(tmp_path / 'out')]
    with pytest.raises(FileNotFoundError, match='nothing.json'):
        tool.main(['--metrics', 'nothing.json', *out])
    other = tmp_path / 'other.json'
    other.write_text('{"sequences": [{"name": "a", "MPJPE": 1}]}')
    with pytest.raises(ValueError, match='no errors by axis'):
        tool.main(['--metrics', str(other), *out])
    with pytest.raises(ValueError, match='either --metrics or'):
        tool.main([*lifters, '--metrics', str(other), *out])
    with pytest.raises(ValueError, match='distinct labels'):
        tool.main(['--metrics', str(other), str(other), *out])
    with pytest.raises(ValueError, match='expected pairs'):
        tool.main(out)
