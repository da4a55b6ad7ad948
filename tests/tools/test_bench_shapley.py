"""The benchmark of contribution scores: both ways give the same."""

import json

import pytest

SMALL = [
    '--size',
    'small',
    '--batch-size',
    '4',
    '--repeats',
    '1',
    '--lidar-points',
    '8',
]


@pytest.fixture
def tool(load_tool):
    return load_tool('benchmarks/bench_shapley')


def test_both_ways_agree(tool, tmp_path, capsys):
    out = tmp_path / 'shapley.json'
    tool.main([*SMALL, '--fusions', 'concat', 'attention', '--out', str(out)])
    rows = json.loads(out.read_text())['rows']
    assert list(rows) == ['concat', 'attention']
    for row in rows.values():
        assert 0 < row['share'] < 1
        assert row['ratio'] == pytest.approx(row['passes_ms'] / row['once_ms'])
    assert '16 passes' in capsys.readouterr().out


def test_other_scores_are_noticed(tool, monkeypatch):
    real = tool.sixteen_passes
    monkeypatch.setattr(tool, 'sixteen_passes', lambda *args: real(*args).flip(0))
    with pytest.raises(SystemExit, match='disagree'):
        tool.main([*SMALL, '--fusions', 'concat'])
