"""Contribution scores of a run, in files, message hub and checkpoints."""

import json

import matplotlib.image
import pytest
import torch
from mmengine.hooks import Hook

from mmpose_ext.engine.checkpoints import load_checkpoint
from mmpose_ext.engine.hooks import ShapleyContributionHook
from mmpose_ext.evaluation.functional import (
    coalitions,
    pearson_profit,
    shapley_values,
)
from mmpose_ext.visualization import read_contributions
from tests.fixtures.tiny_sensor_run import CHECKPOINTS, loader_config, made_run

NAMES = ('rgb', 'lidar', 'mmwave', 'wifi')


class Recorder(Hook):
    """Keeps what each subset predicts, step by step."""

    def __init__(self):
        self.pred, self.truth = [], []

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        model = runner.model
        with torch.no_grad():
            of_subsets = [
                model.predict_features(
                    model.last_features, model.last_present & mask
                ).flatten(1)
                for mask in coalitions(4)
            ]
        self.pred.append(torch.stack(of_subsets))
        self.truth.append(model.last_pose.flatten(1))


def trained(work_dir, *, hook=None, extra=(), **options):
    hooks = [] if hook is None else [dict(type='ShapleyContributionHook', **hook)]
    return made_run(work_dir, hooks, extra=extra, **{**CHECKPOINTS, **options})


def test_in_runner(tmp_path):
    """Scores of each epoch over all of its samples, against the definition."""
    recorder = Recorder()
    runner = trained(tmp_path, hook={}, extra=[recorder])
    content = json.loads((tmp_path / 'contributions.json').read_text())
    assert content['epochs'] == [1, 2] and content['modalities'] == list(NAMES)
    for epoch, rows in enumerate((slice(0, 4), slice(4, 8))):
        pred = torch.cat(recorder.pred[rows], dim=1)
        truth = torch.cat(recorder.truth[rows])
        values = shapley_values(pearson_profit(pred, truth)).tolist()
        found = [content['scores'][name][epoch] for name in NAMES]
        assert found == pytest.approx(values, abs=1e-4)
        alone = [part[1] - part[1].mean(0) for part in recorder.pred[rows]]
        deviation = 1000 * torch.cat(alone).std(0, correction=0).mean().item()
        assert content['deviations_mm']['rgb'][epoch] == pytest.approx(deviation)
    hub = runner.message_hub
    latest = {name: content['scores'][name][-1] for name in NAMES}
    assert hub.get_info('contribution_scores') == latest
    assert hub.get_scalar('contribution/rgb').data[0].tolist() == pytest.approx(
        content['scores']['rgb']
    )
    assert hub.get_scalar('prediction_std/wifi').current() > 0
    assert matplotlib.image.imread(tmp_path / 'contributions.png').shape[2] == 4
    assert str(tmp_path / 'contributions.png') in hub.get_info('pictures')
    assert read_contributions(tmp_path).scores['wifi'].tolist() == pytest.approx(
        content['scores']['wifi']
    )
    scalars = next(tmp_path.glob('*/vis_data/scalars.json')).read_text()
    assert scalars.count('contribution/rgb') == 2


def test_training_is_undisturbed(tmp_path):
    with_hook = trained(tmp_path / 'with', hook=dict(pool='batch', interval=2))
    without = trained(tmp_path / 'without')
    for name, value in without.model.state_dict().items():
        assert torch.equal(value, with_hook.model.state_dict()[name])
    content = json.loads((tmp_path / 'with' / 'contributions.json').read_text())
    assert content['pool'] == 'batch'


def test_resumed(tmp_path):
    """The history goes on where the checkpoint was."""
    whole = tmp_path / 'whole'
    trained(whole, hook={}, epochs=3)
    trained(tmp_path / 'cut', hook={}, epochs=1)
    file = tmp_path / 'cut' / 'epoch_1.pth'
    assert load_checkpoint(file)['message_hub']
    trained(
        tmp_path / 'cut',
        hook={},
        epochs=3,
        load_from=str(file),
        resume=True,
        experiment_name='resumed',
    )
    texts = [(p / 'contributions.json').read_text() for p in (whole, tmp_path / 'cut')]
    assert texts[0] == texts[1]
    # A new run that only starts from these weights begins a history of its own.
    trained(tmp_path / 'new', hook={}, load_from=str(file))
    content = json.loads((tmp_path / 'new' / 'contributions.json').read_text())
    assert content['epochs'] == [1, 2]


def test_sampled(tmp_path):
    hook = dict(estimator='permutation', num_samples=8)
    trained(tmp_path, hook=hook, model=dict(fusion=dict(type='MLPFusion')))
    content = json.loads((tmp_path / 'contributions.json').read_text())
    assert content['estimator'] == 'permutation'
    assert all(sum(content['errors'][name]) > 0 for name in NAMES)


def test_nothing_to_score(tmp_path):
    """Batches of one have no correlation: it is said, not passed over."""
    data = loader_config(batch_size=1, size=3)
    options = dict(train_dataloader=data, log_level='WARNING')
    trained(tmp_path, hook=dict(pool='batch'), epochs=1, **options)
    assert not (tmp_path / 'contributions.json').exists()
    log = next(tmp_path.glob('*/*.log')).read_text()
    assert 'no contributions in epoch 1' in log and "pool='epoch'" in log


def test_not_finite(tmp_path, caplog):
    """An epoch with a prediction of NaN is reported and left out."""

    class Spoil(Hook):
        def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
            if runner.iter == 5:
                runner.model.last_features['rgb'][0] = float('nan')

    spoil = Spoil()
    spoil.priority = 'VERY_HIGH'
    runner = trained(tmp_path, hook={}, extra=[spoil], log_level='WARNING')
    assert runner.message_hub.get_info('contribution_scores')
    content = json.loads((tmp_path / 'contributions.json').read_text())
    assert content['epochs'] == [1]


def test_invalid(tmp_path):
    with pytest.raises(ValueError, match='interval must be positive'):
        ShapleyContributionHook(interval=0)
    for option in (dict(profit='r'), dict(pool='a'), dict(estimator='b')):
        with pytest.raises(ValueError, match='must be one of'):
            ShapleyContributionHook(**option)
