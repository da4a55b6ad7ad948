"""The benchmark of a training step: sides pass the same images, flags are checked."""

import json
import re

import pytest
from mmengine.config import Config
from tiny_students import students, views


@pytest.fixture
def tool(load_tool):
    return load_tool('benchmarks/bench_student_step')


@pytest.fixture
def write(tmp_path):
    def write(kind='DualStudent', **options):
        optimizer = dict(type='Adam', lr=1e-3)
        options.setdefault('occlusions', [[dict(type='BatchJointCutout')]])
        model = students(kind, **options)
        path = tmp_path / 'tiny.py'
        Config(dict(model=model, optim_wrapper=dict(optimizer=optimizer))).dump(path)
        return str(path)

    return write


@pytest.mark.parametrize(
    ('kind', 'options', 'recorded'),
    [
        ('DualStudent', {}, 8),  # loss, two of each student, three responses
        ('DualStudent', dict(bn='joint', views=views(hard_from='easy_crop')), 8),
        ('ConsistencyStudent', {}, 6),
    ],
)
def test_in_runner(kind, options, recorded, tool, write, tmp_path):
    out = tmp_path / 'step.json'
    flags = ['--pairs', '2', '--rounds', '1', '--out', str(out)]
    flags += ['--cfg-options', 'optim_wrapper.type=Bf16OptimWrapper']
    tool.main([write(kind, **options), *flags])
    report = json.loads(out.read_text())
    number = 2 if kind == 'DualStudent' else 1
    passed = {'easy forward': 2 * number, 'hard and labelled forward': 4 * number}
    assert report['images_passed_a_step'] == passed
    seconds = report['seconds_a_step']
    assert report['ratio'] == pytest.approx(seconds['students'] / seconds['supervised'])
    assert report['pairs_per_second'] == pytest.approx(2 / seconds['students'])
    for side, parts in report['parts'].items():
        timed = {name for name, value in parts.items() if value > 0}
        assert timed >= set(tool.PARTS) - ({'views'} if side == 'supervised' else set())
    assert report['waits_of_the_step'] == []
    assert len(report['waits_of_the_record']) == recorded


@pytest.mark.parametrize(
    ('flags', 'message'),
    [
        (['--rounds', '0'], '--rounds 0: expected 1 or more'),
        (['--pairs', '0'], '--pairs 0: expected 1 or more'),
        (['--threads', '-1'], '--threads -1: expected 1 or more'),
    ],
)
def test_invalid(tool, flags, message, capsys):
    with pytest.raises(SystemExit):
        tool.parse_args(flags)
    assert re.search(message, capsys.readouterr().err.replace('\n', ' '))
