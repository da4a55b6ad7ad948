"""Options of runs over tasks that are refused before anything is trained."""

from __future__ import annotations

import pytest
from mmengine.config import Config

from mmpose_ext.engine.continual.task_data import check_noise
from mmpose_ext.engine.continual.weight_consolidation import WeightConsolidation
from tests.fixtures.task_runs import ACTIONS, ROOT, train


@pytest.mark.parametrize('size', ['', '_synthetic'])
def test_settings_of_the_configs(size):
    def options(name):
        config = Config.fromfile(ROOT / f'configs/mmfi/tasks_{name}{size}.py')
        return config.train_cfg

    for name in ('ewc', 'co_teaching', 'divide_mix'):
        plain = WeightConsolidation(**options(name).consolidation)
        assert plain.others == 'accumulate' and not plain.adaptive
    ours = WeightConsolidation(**options('ours').consolidation)
    assert ours.others == 'replace' and ours.adaptive
    assert not options('adaptive_ewc').separation.filter
    dataset = dict(modalities=('rgb', 'lidar', 'mmwave', 'wifi'))
    for name, noisy in (('joint', False), ('ours', True)):
        noise = check_noise(options(name).noise, 2, dataset)
        assert any(noise['modalities']) == noisy


def test_invalid(load, tmp_path):
    wrong = {
        'data must be': dict(data='old'),
        r'epoch from 1 to 1': dict(relearning=dict(epoch=2)),
        'alpha_superior=2': dict(relearning=dict(epoch=1, alpha_superior=2)),
        'adaptive=True is about the noisy branch': dict(separation=None),
        r"\['A01'\] are not in protocol 1": dict(tasks=[['A01']]),
        r'task \[2\] has no actions': dict(tasks=[['A02'], []]),
        r'^task 2 \(A27\)': dict(tasks=[['A02'], ['A27']]),
        'no modality is named': dict(noise=dict(order=(), ratio=0.4)),
    }
    for message, options in wrong.items():
        with pytest.raises(ValueError, match=message):
            train(load(tmp_path, **options))
    cfg = load(tmp_path)
    cfg.model.consolidation = None
    with pytest.raises(ValueError, match='needs the loss in the model'):
        train(cfg)
    assert not list(tmp_path.glob('*.pth'))


def test_wrong_test_data(load, tmp_path):
    cfg = load(tmp_path)
    cfg.val_dataloader.dataset.manual.val.actions = list(ACTIONS[:2])
    with pytest.raises(ValueError, match=r'val_dataloader, task 3 \(A19\)'):
        train(cfg)
    cfg = load(tmp_path)
    cfg.val_dataloader.dataset.protocol = 2
    with pytest.raises(ValueError, match='has protocol 1, val_dataloader 2'):
        train(cfg)
    cfg = load(tmp_path)
    cfg.val_evaluator = [cfg.val_evaluator]
    with pytest.raises(ValueError, match='a single val_evaluator'):
        train(cfg)
    cfg = load(tmp_path)
    cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
    with pytest.raises(ValueError, match='--no-validate'):
        train(cfg)
    assert not list(tmp_path.glob('*.pth'))


@pytest.mark.parametrize(
    'options', [dict(data='seen'), dict(rehearsal=dict(per_task=4))], ids=str
)
def test_divide_mix_needs_single_tasks(load_pair, tmp_path, options):
    with pytest.raises(ValueError, match='DivideMix divides the samples of a single'):
        train(load_pair(tmp_path, 'DivideMix', **options))
