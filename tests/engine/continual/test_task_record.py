"""The figures of a run over tasks."""

import json

import pytest

from mmpose_ext.engine.continual import TaskRecord


@pytest.fixture
def record():
    record = TaskRecord.of([['A02'], ['A04', 'A05'], ['A19']])
    for after, errors in enumerate(([50, 120], [70, 60, 110], [65, 90, 55])):
        for task, error in enumerate(errors):
            record.set_error(after, task, {'MPJPE': error, 'P-MPJPE': error / 2})
    record.mean_pose = [200.0, 150.0, 100.0]
    record.noise[1] = {'modality': 'lidar', 'kind': 'raw', 'ratio': 0.2}
    record.noise[2] = {'modality': 'wifi', 'kind': 'raw', 'ratio': 0.2}
    record.separation[1] = {'identified': 'lidar', 'F1': 0.9, 'precision': 1.0}
    record.separation[2] = {'identified': 'rgb', 'F1': 0.5, 'precision': 0.8}
    return record


def test_values(record):
    summary = record.summary()
    assert summary['average/MPJPE'] == pytest.approx(70)
    assert summary['average/P-MPJPE'] == pytest.approx(35)
    assert summary['plasticity/MPJPE'] == pytest.approx(55)
    assert summary['forgetting/MPJPE'] == pytest.approx(22.5)
    assert summary['backward_transfer/MPJPE'] == pytest.approx(22.5)
    assert summary['forward_transfer/MPJPE'] == pytest.approx(10)
    assert summary['identified'] == 0.5
    assert summary['separation/F1'] == pytest.approx(0.7)
    assert summary['separation/precision'] == pytest.approx(0.9)
    assert 'separation/recall' not in summary


def test_a_separation_of_clean_samples_alone(record, tmp_path):
    record.separation[2] |= {'F1': None, 'precision': None, 'recall': None}
    summary = record.summary()
    assert summary['separation/F1'] == pytest.approx(0.9)
    assert 'separation/recall' not in summary
    record.save(tmp_path / 'record.json')


def test_of_a_run_that_is_not_over():
    record = TaskRecord.of([['A02'], ['A04']])
    assert record.summary() == {}
    record.set_error(0, 0, {'MPJPE': 50, 'P-MPJPE': 30})
    record.set_error(0, 1, {'MPJPE': 90, 'P-MPJPE': 60})
    assert record.num_learnt == 1
    summary = record.summary()
    assert summary['average/MPJPE'] == 50
    assert 'forgetting/MPJPE' not in summary


def test_round_trip(record, tmp_path):
    assert TaskRecord.from_dict(record.to_dict()) == record
    record.save(tmp_path / 'record.json')
    saved = json.loads((tmp_path / 'record.json').read_text(encoding='utf-8'))
    assert saved['summary']['average/MPJPE'] == pytest.approx(70)
    assert saved['errors']['MPJPE'][0][2] is None
    assert TaskRecord.from_dict(saved) == record
