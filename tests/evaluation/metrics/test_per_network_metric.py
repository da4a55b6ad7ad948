import json

import numpy as np
import pytest
from mmengine.evaluator import BaseMetric, Evaluator
from mmpose.registry import METRICS

from mmpose_ext.evaluation.metrics.per_network_metric import (
    PerNetworkMetric,
    table_of,
)

META = dict(dataset_name='coco', num_keypoints=2)


def sample(**errors):
    """A person whose joints are found up to an error, by each network."""
    truth = np.array([[[10.0, 10.0], [20.0, 20.0]]])

    def found(error):
        return dict(
            keypoints=truth + np.array([error, 0]), keypoint_scores=np.ones((1, 2))
        )

    made = {f'pred_{name}': found(error) for name, error in errors.items()}
    made['pred_instances'] = found(next(iter(errors.values())))
    made['gt_instances'] = dict(
        keypoints=truth,
        keypoints_visible=np.ones((1, 2)),
        bboxes=np.array([[0.0, 0, 100, 100]]),
    )
    return made


def build(**options):
    metric = METRICS.build(
        dict(
            type='PerNetworkMetric',
            scored_by=[dict(type='PCKAccuracy', thr=0.2), dict(type='EPE')],
            **options,
        )
    )
    metric.dataset_meta = META
    return metric


def test_values(tmp_path):
    """Each network has scores of its own; the mean is that of the students."""
    file = tmp_path / 'scores.json'
    metric = build(outfile=file, protocol=dict(boxes='ground truth'))
    samples = [sample(ensemble=10, student1=30, student0=0) for _ in range(3)]
    metric.process(None, samples[:2])
    metric.process(None, samples[2:])
    scores = metric.evaluate(3)
    assert list(dict.fromkeys(name.partition('/')[0] for name in scores)) == [
        *('student0', 'student1', 'ensemble', 'mean')
    ]
    assert scores['student0/PCK'] == 1 and scores['student1/PCK'] == 0
    assert scores['mean/PCK'] == 0.5 and scores['ensemble/PCK'] == 1
    assert scores['mean/EPE'] == pytest.approx(15)
    written = json.loads(file.read_text())
    assert written['metrics'] == scores
    assert written['protocol'] == {'boxes': 'ground truth', 'people': 3}


def test_only_the_usual_prefix_is_left_out():
    """Names with a slash of their own stay whole."""

    class Grouped(BaseMetric):
        def process(self, data_batch, data_samples):
            self.results.extend(data_samples)

        def compute_metrics(self, results):
            return {'MPJPE/elbow': 1.0, 'JDR/elbow': 2.0}

        default_prefix = 'h36m'

    metric = PerNetworkMetric([dict(type=Grouped), dict(type=Grouped, prefix='again')])
    metric.dataset_meta = META
    metric.process(None, [sample(student0=0)])
    scores = metric.evaluate(1)
    assert scores['mean/JDR/elbow'] == scores['mean/again/JDR/elbow'] == 2


def test_second_evaluation_starts_anew():
    metric = build()
    for error, pck in ((0, 1), (30, 0)):
        metric.process(None, [sample(student0=error, student1=error)])
        assert metric.evaluate(1)['mean/PCK'] == pck


def test_ordinary_estimator():
    metric = build()
    ordinary = sample(student0=30)
    del ordinary['pred_student0']
    metric.process(None, [ordinary])
    scores = metric.evaluate(1)
    assert scores == {
        'student/PCK': 0,
        'student/EPE': pytest.approx(30),
        'mean/PCK': 0,
        'mean/EPE': pytest.approx(30),
    }


def test_teacher_is_no_student():
    metric = build()
    metric.process(None, [sample(student=0, teacher=30, ensemble=30)])
    assert metric.evaluate(1)['mean/PCK'] == 1


def test_table():
    assert table_of({'student0/AP': 0.5, 'student0/PCK': 0.25, 'mean/AP': 1.0}) == (
        'network    AP   PCK\n'
        '--------  ---  ----\n'
        'student0  0.5  0.25\n'
        'mean        1   nan'
    )


def test_in_an_evaluator():
    """Beside each other under MMEngine's evaluator, which refuses equal names."""
    kinds = [dict(type='PCKAccuracy', thr=0.2)], [dict(type='EPE')]
    evaluator = Evaluator([PerNetworkMetric(list(kind)) for kind in kinds])
    evaluator.dataset_meta = META
    evaluator.process([sample(student0=0, student1=0)])
    assert set(evaluator.evaluate(1)) >= {'mean/PCK', 'mean/EPE'}


def test_files_of_networks_are_apart():
    metric = PerNetworkMetric(
        [dict(type='CocoMetric', format_only=True, outfile_prefix='out/test-dev')]
    )
    metric.dataset_meta = META
    (inner,) = metric._metrics_of('student1')
    assert inner.outfile_prefix == 'out/test-dev.student1'


def test_invalid():
    metric = build()
    metric.process(None, [sample(student0=0)])
    with pytest.raises(ValueError, match='student1'):
        metric.process(None, [sample(student0=0, student1=0)])
    twice = PerNetworkMetric([dict(type='EPE'), dict(type='EPE')])
    twice.dataset_meta = META
    twice.process(None, [sample(student0=0)])
    with pytest.raises(ValueError, match='EPE'):
        twice.evaluate(1)
