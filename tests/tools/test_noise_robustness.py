"""Evaluation under noise: numbers, files, plot."""

import json

import matplotlib.image
import noise_robustness as tool
import pytest
import untrained
from mmengine.config import Config
from mmengine.runner import Runner


@pytest.fixture
def lifters(tmp_path, tiny_config_file):
    return untrained.lifter_arguments(tmp_path, 'tiny_lifting', 'tiny_prml')


def measured(lifters, tmp_path, *flags):
    out = tmp_path / 'out'
    tool.main([*lifters, '--out', str(out), *flags])
    return json.loads((out / 'noise_robustness.json').read_text())


def test_no_noise_is_the_plain_evaluation(lifters, tmp_path):
    report = measured(lifters, tmp_path, '--sigmas', '0')
    for lifter in report['lifters']:
        cfg = Config.fromfile(lifter['config'])
        cfg.work_dir = str(tmp_path / lifter['label'])
        cfg.experiment_name = f'plain_{lifter["label"]}'
        cfg.load_from = lifter['checkpoint']
        plain = Runner.from_cfg(cfg).test()
        (point,) = lifter['points']
        for name in ('MPJPE', 'P-MPJPE', 'MPJPE_xy', 'MPJPE_depth', 'AUC'):
            assert point[name] == plain[name], name
        assert point['delta_MPJPE'] == 0


def test_values(lifters, tmp_path):
    report = measured(lifters, tmp_path, '--sigmas', '100', '20', '--labels', 'A', 'B')
    assert report['unit'] == 'pixel' and report['seed'] == 0
    assert report['command'].startswith('noise_robustness.py ')
    first, second = report['lifters']
    assert (first['label'], second['label']) == ('A', 'B')
    assert [p['sigma_px'] for p in first['points']] == [0, 20, 100]
    assert [p['sigma_normalized'] for p in first['points']] == [0, 0.04, 0.2]
    assert first['keypoints_2d'] == 'gt' and first['seq_len'] == 3
    assert first['macs_thop'] > 0 and first['macs_thop'] != second['macs_thop']
    for lifter in report['lifters']:
        none, _, much = lifter['points']
        assert much['delta_MPJPE'] == much['MPJPE'] - none['MPJPE'] != 0
    again = measured(lifters, tmp_path, '--sigmas', '20', '100')
    assert again['lifters'][0]['points'] == first['points'], 'seeded'
    other = measured(lifters, tmp_path, '--sigmas', '20', '--seed', '1')
    assert other['lifters'][0]['points'][1] != first['points'][1]


def test_normalised(lifters, tmp_path):
    """The images are 1000 pixels wide, so 0.04 half widths are 20 pixels."""
    flags = ['--sigmas', '0.04', '--unit', 'normalized']
    point = measured(lifters[:2], tmp_path, *flags)['lifters'][0]['points'][1]
    assert point['sigma_px'] == 20
    pixels = measured(lifters[:2], tmp_path, '--sigmas', '20')['lifters'][0]
    assert point['MPJPE'] == pytest.approx(pixels['points'][1]['MPJPE'], abs=1e-4)


def test_plot(lifters, tmp_path):
    measured(lifters, tmp_path, '--sigmas', '5')
    out = tmp_path / 'out'
    assert matplotlib.image.imread(out / 'noise_robustness.png').shape[2] == 4
    file = str(out / 'noise_robustness.json')
    again = tmp_path / 'again'
    merged = tool.main(['--from-json', file, file, '--out', str(again)])
    assert len(merged['lifters']) == 4
    assert [p.name for p in again.iterdir()] == ['noise_robustness.png']
    curves = tool.curves_of(merged)
    assert [curve.drops.shape for curve in curves] == [(2, 2)] * 2, 'runs of one label'


def test_sigma_below_zero(lifters, tmp_path):
    with pytest.raises(ValueError, match=r'sigma=-5.0.*from 0 on'):
        measured(lifters, tmp_path, '--sigmas', '-5', '10')
    assert not (tmp_path / 'out').exists()


def test_invalid(lifters, tmp_path):
    with pytest.raises(ValueError, match='expected pairs'):
        measured(lifters[:1], tmp_path)
    with pytest.raises(FileNotFoundError, match='nothing.json'):
        tool.main(['--from-json', 'nothing.json', '--out', str(tmp_path)])
    other = tmp_path / 'other.json'
    other.write_text('[]')
    with pytest.raises(ValueError, match='no noise_robustness.json'):
        tool.main(['--from-json', str(other), '--out', str(tmp_path)])
    reports = []
    for unit in ('pixel', 'normalized'):
        reports.append(tmp_path / f'{unit}.json')
        reports[-1].write_text(json.dumps(dict(unit=unit, seed=0, lifters=[])))
    with pytest.raises(ValueError, match='differ in unit and seed'):
        tool.merge_reports([str(path) for path in reports])
    prefix = ['--cfg-options', 'test_evaluator.prefix=some']
    with pytest.raises(ValueError, match='expected MPJPE'):
        measured(lifters[:2], tmp_path, *prefix)
