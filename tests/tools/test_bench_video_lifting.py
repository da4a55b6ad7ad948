"""The benchmark of lifting at a tiny size: both sides run and agree."""

import json

import numpy as np
import pytest


@pytest.fixture(scope='module')
def tool(load_tool):
    return load_tool('benchmarks/bench_video_lifting')


@pytest.fixture
def small(tiny_config_file, tmp_path):
    return ['--config', tiny_config_file, '--frames', '60', '--threads', '1']


def test_report(tool, small, tmp_path, capsys):
    out = tmp_path / 'figures.json'
    report = tool.main([*small, '--stock-frames', '2', '--out', str(out)])
    assert json.loads(out.read_text()) == report
    assert report['seq_len'] == 3 and report['ours']['frames'] == 60
    assert report['stock']['difference_m'] < 1e-5
    speeds = [report[side]['frames_per_s'] for side in ('ours', 'stock')]
    assert report['ratio'] == pytest.approx(speeds[0] / speeds[1])
    for side in ('ours', 'stock'):
        total = sum(report[side]['ms_per_frame'].values())
        assert total == pytest.approx(1000 / report[side]['frames_per_s'])
    assert 'ratio' in capsys.readouterr().out


def test_other_pose_stops_it(tool, small, monkeypatch):
    window = tool.KeypointLifter.lift_windows
    monkeypatch.setattr(
        tool.KeypointLifter,
        'lift_windows',
        lambda *args: window(*args) + np.float32(0.01),
    )
    with pytest.raises(SystemExit, match='disagree by'):
        tool.main(small)
