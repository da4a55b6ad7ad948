"""The benchmark of lifting at a tiny size: both sides run and agree."""

import json

import frame_lifter
import numpy as np
import onnx
import pytest
import untrained
from mmpose.registry import MODELS

from mmpose_ext.engine.onnx_export import export_graph, write_facts
from mmpose_ext.engine.onnx_lifter_graph import LifterGraph


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
    said = capsys.readouterr().out
    assert 'ratio' in said and 'at least' not in said
    assert report['as_promised'] is None, 'nothing is promised for short windows'


@pytest.mark.parametrize('ratio', [1e-9, 1e9])
def test_promise(tool, small, tmp_path, monkeypatch, ratio, capsys):
    """Too slow at the promised T: the numbers are written, the exit code is 1."""
    out = tmp_path / 'figures.json'
    monkeypatch.setattr(tool, 'WANTED_SEQ_LEN', 3)
    monkeypatch.setattr(tool, 'WANTED_RATIO', ratio)
    arguments = [*small, '--stock-frames', '1', '--out', str(out)]
    if ratio < 1:
        assert tool.main(arguments)['as_promised'] is True
        assert 'at least 1e-09' in capsys.readouterr().out
    else:
        with pytest.raises(SystemExit, match='at T = 3 at least 1000000000.0 is'):
            tool.main(arguments)
        assert json.loads(out.read_text())['as_promised'] is False
    args = tool.parse_args([*arguments, '--stride', '1'])
    assert tool.is_as_promised(0, 3, args) is None, 'of the default windows alone'


def test_other_pose_stops_it(tool, small, monkeypatch):
    window = tool.KeypointLifter.lift_windows
    monkeypatch.setattr(
        tool.KeypointLifter,
        'lift_windows',
        lambda *args: window(*args) + np.float32(0.01),
    )
    with pytest.raises(SystemExit, match='disagree by'):
        tool.main(small)


def test_chain(tool, small, capsys):
    """Every stage from the video to 3D has its time, and no time is lost."""
    names = {flag: f'tiny_{flag}' for flag in ('detector', 'pose2d')}
    flags = [
        text
        for flag, name in names.items()
        for text in (f'--{flag}', str(untrained.FIXTURES / f'{name}.py'))
    ]
    frames = ['--chain', '--video-frames', '12', '--stock-frames', '1']
    chain = tool.main([*small, *flags, *frames])['chain']
    stages = chain['ms_per_frame']
    for name in ('reading', 'detection', 'keypoints', 'tracking', 'lifting'):
        assert stages[name] > 0
    assert sum(stages.values()) == pytest.approx(1000 / chain['frames_per_s'])
    assert 0 <= stages['everything else'] < 500 / chain['frames_per_s']
    assert chain['frames'] == 12 and chain['people'] == 2
    assert 'video to 3D, 2 tracks' in capsys.readouterr().out


def test_onnx(tool, tmp_path):
    args = tool.parse_args(['--onnx-repeats', '2'])
    path = tmp_path / 'frames.onnx'
    model = MODELS.build(frame_lifter.model_config()).eval()
    export_graph(LifterGraph(model, seq_len=5), path)
    row = tool.time_onnx(path, args)
    assert row['seq_len'] == 5 and 0 < row['ms_per_window'] < 1000
    assert row['frames_per_s'] == pytest.approx(2 * row['live_frames_per_s'])
    proto = onnx.load(path)
    write_facts(proto, {'task': 'heatmaps'})
    onnx.save(proto, path)
    with pytest.raises(ValueError, match='is for heatmaps; expected a lifter'):
        tool.time_onnx(path, args)
