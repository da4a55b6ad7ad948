"""The benchmark of views: both sides agree, and flags are checked."""

import json
import re

import pytest


@pytest.fixture
def tool(load_tool):
    return load_tool('benchmarks/bench_student_views')


def test_in_runner(tool, tmp_path):
    flags = ['--batch', '2', '--side', '64', '--size', '24', '32', '--rounds', '1']
    tool.main([*flags, '--out', str(tmp_path / 'views.json')])
    report = json.loads((tmp_path / 'views.json').read_text())
    rate = report['people_per_second']
    assert report['ratio'] == pytest.approx(rate['batched'] / rate['opencv'])
    assert max(report['mean_difference'].values()) < 0.02
    sent = report['megabytes_to_the_device_a_person']
    assert sent == pytest.approx(dict(batched=64 * 64 * 3e-6, opencv=0.027648))


@pytest.mark.parametrize(
    ('flags', 'message'),
    [
        (['--rounds', '0'], '--rounds 0: expected 1 or more'),
        (['--batch', '0'], '--batch 0: expected 1 or more'),
        (['--threads', '-1'], '--threads -1: expected 1 or more'),
        (['--size', '190', '256'], '--size 190 256: expected .* multiples of 4'),
        (['--size', '4', '4'], '--size 4 4: expected'),
        (['--side', '0'], '--side 0: expected 8 pixels or more'),
    ],
)
def test_invalid(tool, flags, message, capsys):
    with pytest.raises(SystemExit):
        tool.parse_args(flags)
    error = capsys.readouterr().err.replace('\n', ' ')
    assert re.search(message, error)
