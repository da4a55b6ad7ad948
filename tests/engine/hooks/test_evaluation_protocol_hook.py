import json
from types import SimpleNamespace

import pytest
import torch
from mmengine.config import Config
from mmengine.evaluator import BaseMetric, Evaluator
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch.utils.data import Dataset

from mmpose_ext.engine.hooks.evaluation_protocol_hook import evaluation_protocol
from mmpose_ext.evaluation.metrics import PerNetworkMetric

BOXES = 'detections/COCO_val2017_person.json'


class Estimator(BaseModel):
    """Answers with what it is asked."""

    def __init__(self, **test_cfg):
        super().__init__()
        self.test_cfg = test_cfg

    def forward(self, inputs, mode='tensor'):
        return [dict(pred_instances=number) for number in inputs]


class People(Dataset):
    """Three people, in detected boxes or in those of the annotations."""

    metainfo = dict(dataset_name='people')

    def __init__(self, bbox_file=None):
        self.bbox_file = bbox_file

    def __len__(self):
        return 3

    def __getitem__(self, index):
        return dict(inputs=torch.tensor(float(index)))


class Count(BaseMetric):
    """The number of samples."""

    def process(self, data_batch, data_samples):
        self.results.extend(data_samples)

    def compute_metrics(self, results):
        return {'count': len(results)}


def loader(dataset):
    return dict(
        batch_size=2,
        dataset=dataset,
        sampler=dict(type='DefaultSampler', shuffle=False),
        collate_fn=dict(type='default_collate'),
    )


def evaluator(file):
    protocol = dict(boxes='ground truth', flip_test='what a config says')
    metric = PerNetworkMetric([dict(type=Count)], outfile=file, protocol=protocol)
    return Evaluator([metric, Count()])


def test_values():
    plain, flipped = Estimator(), Estimator(flip_test=True)
    ordinary, without = People(), SimpleNamespace()
    assert evaluation_protocol(plain, ordinary) == {'flip_test': False}
    assert evaluation_protocol(flipped, without) == {'flip_test': True}
    assert evaluation_protocol(torch.nn.Identity(), without) == {'flip_test': False}
    assert evaluation_protocol(plain, People(BOXES)) == {
        'flip_test': False,
        'boxes': 'detected: COCO_val2017_person.json',
    }


@pytest.mark.parametrize('flip_test', [True, False])
def test_in_runner(flip_test, tmp_path):
    """Result files say what the model did, not what the metric's config says."""
    files = {key: tmp_path / f'{key}.json' for key in ('val', 'test')}
    runner = Runner(
        model=Estimator(flip_test=flip_test),
        work_dir=str(tmp_path / 'run'),
        val_dataloader=loader(People()),
        val_evaluator=evaluator(files['val']),
        val_cfg=dict(),
        test_dataloader=loader(People(BOXES)),
        test_evaluator=evaluator(files['test']),
        test_cfg=dict(),
        default_hooks=dict(protocol=dict(type='EvaluationProtocolHook')),
        default_scope='mmpose',
        cfg=Config(dict()),
        experiment_name=f'protocol_{flip_test}',
    )
    assert runner.val()['mean/count'] == runner.test()['mean/count'] == 3
    found = {key: json.loads(file.read_text()) for key, file in files.items()}
    protocol = dict(flip_test=flip_test, people=3)
    assert found['val']['protocol'] == {'boxes': 'ground truth', **protocol}
    assert found['test']['protocol'] == {
        'boxes': 'detected: COCO_val2017_person.json',
        **protocol,
    }
