"""The benchmark of memory on short clips: each stage has its peak, memory is found."""

import json
from pathlib import Path

import numpy as np
import pytest
import stand_in_clips
from peak_memory import needs_peak_memory

from mmpose_ext.apis.result_files import read_results

REPO = Path(__file__).parents[2]


@pytest.fixture(scope='module')
def tool(load_tool):
    return load_tool('benchmarks/bench_lifting_memory')


@needs_peak_memory
def test_clip(tool, tmp_path, monkeypatch):
    """Two people are lifted with real windows, and written; memory held is seen."""
    monkeypatch.setattr(tool, 'SHORT', 12)
    monkeypatch.setattr(stand_in_clips, 'COMES_AND_GOES', 10)
    write, clips, held = tool.write_results, [], []

    def hungry(clip, folder, *, formats, **options):
        if formats == ['json'] and len(clip) == 30:
            held.append(np.ones(20_000_000))
        done = write(clip, tmp_path, formats=formats, **options)
        if formats == ['npz']:
            clips.append(read_results(done['npz']))
        return done

    monkeypatch.setattr(tool, 'write_results', hungry)
    row = tool.measure_clip(30, ['npz', 'json'])
    assert row['frames'] == 30 and row['libraries_mb'] > 100
    assert list(row['stages_mb']) == ['video to 2D', '2D to 3D', 'npz', 'json']
    assert row['stages_mb']['json'] > 155, '160 MB were taken'
    assert row['stages_mb']['npz'] < 100
    assert [len(clip) for clip in clips] == [12, 30]
    assert clips[1].image_size == tool.SIZE and len(clips[1].tracks) == 2
    assert np.ptp(clips[1].tracks[0].poses, axis=0).max() > 0.01


@needs_peak_memory
def test_joining(tool):
    row = tool.measure_joining(300)
    assert row['stretches'] == 300 and row['seconds'] > 0
    assert row['joining_mb'] >= 0


@needs_peak_memory
def test_report(tool, tmp_path, monkeypatch, capsys):
    """A process for each length, whose last line is read; a table and a file."""
    row = {'frames': 0, 'libraries_mb': 900.0, 'stages_mb': {'npz': 1.0}}
    joining = {'stretches': 5, 'stretches_mb': 1, 'joining_mb': 2, 'seconds': 3}
    commands = []

    def run(command, **options):
        commands.append(command[1:])
        number = int(command[command.index('--number') + 1])
        clip = row | {'frames': number}
        answer = clip if 'clip' in command else joining
        return type('Done', (), {'stdout': f'a remark\n{json.dumps(answer)}\n'})

    monkeypatch.setattr(tool.subprocess, 'run', run)
    out = tmp_path / 'memory.json'
    flags = ['--frames', '1000', '2000', '--stretches', '5', '--formats', 'npz']
    report = tool.main([*flags, '--out', str(out)])
    assert json.loads(out.read_text()) == report
    assert [clip['frames'] for clip in report['clips']] == [1000, 2000]
    said = capsys.readouterr().out
    assert '1,000 frames' in said and '5 stretches: 1.0 MB' in said
    script = str(REPO / 'tools/benchmarks/bench_lifting_memory.py')
    assert [command[0] for command in commands] == [script] * 3
    args = tool.parse_args(commands[1][1:])
    assert (args.worker, args.number, args.formats) == ('clip', 2000, ['npz'])
    args = tool.parse_args(commands[2][1:])
    assert (args.worker, args.number, args.formats) == ('joining', 5, [])


def test_invalid(tool):
    for flags in (['--frames', '0'], ['--stretches', '-1'], ['--formats', 'obj']):
        with pytest.raises(SystemExit) as stopped:
            tool.parse_args(flags)
        assert stopped.value.code == 2
