"""Two processes on the CPU train like one with twice the batch."""

import json
import os
import shutil

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner

from tests.fixtures.two_processes import train_on_two

POSYNDA = 'tiny_posynda.py'

# Plain SGD: Adam divides by gradients that are zero up to rounding.
OPTIONS = {
    'optim_wrapper.optimizer': dict(type='SGD', lr=0.05),
    'custom_imports.imports': ['mmpose_ext', 'loss_recorder'],
    'custom_hooks': [dict(type='LossRecorder')],
    'train_cfg.max_epochs': 2,
    'val_cfg': None,
    'val_dataloader': None,
    'val_evaluator': None,
}


@pytest.fixture
def write_config(tiny_config_file, tmp_path, monkeypatch):
    """A function that writes the config of a run with some batch size."""
    fixtures = os.path.dirname(tiny_config_file)
    monkeypatch.syspath_prepend(fixtures)
    monkeypatch.setenv('PYTHONPATH', fixtures)

    def write(batch_size):
        cfg = Config.fromfile(tiny_config_file)
        cfg.merge_from_dict(OPTIONS)
        cfg.train_dataloader.batch_size = batch_size
        path = tmp_path / f'batch_{batch_size}.py'
        cfg.dump(path)
        return path

    return write


@pytest.mark.skipif(shutil.which('bash') is None, reason='needs bash')
def test_in_runner(write_config, tmp_path):
    console = train_on_two(
        write_config(8), '--work-dir', str(tmp_path / 'two'), cwd=tmp_path
    )
    assert 'cpu, 2 processes' in console
    assert console.count('SequenceLifter') == 1, 'only the first process prints'
    cfg = Config.fromfile(write_config(16))
    cfg.work_dir = str(tmp_path / 'one')
    Runner.from_cfg(cfg).train()

    two, one = (
        json.loads((tmp_path / name / 'losses.json').read_text())
        for name in ('two', 'one')
    )
    assert len(one) == 10 and one[-1] < one[0]
    np.testing.assert_allclose(two, one, atol=1e-4, rtol=0)
    weights = [
        torch.load(tmp_path / name / 'epoch_2.pth', weights_only=False)['state_dict']
        for name in ('two', 'one')
    ]
    for key, value in weights[1].items():
        torch.testing.assert_close(weights[0][key], value, atol=1e-4, rtol=0)


@pytest.mark.skipif(shutil.which('bash') is None, reason='needs bash')
def test_adaptation(tiny_config_file, tmp_path, monkeypatch):
    """Frozen weights, adapters and pairs of windows, on two processes."""
    monkeypatch.setenv('PYTHONPATH', os.path.dirname(tiny_config_file))
    cfg = Config.fromfile(os.path.join(os.path.dirname(tiny_config_file), POSYNDA))
    cfg.train_cfg.max_epochs = 1
    path = tmp_path / 'adaptation.py'
    cfg.dump(path)
    console = train_on_two(path, '--work-dir', str(tmp_path / 'two'), cwd=tmp_path)
    assert 'cpu, 2 processes' in console and 'adaptation: inductive' in console
    state = torch.load(tmp_path / 'two/epoch_1.pth', weights_only=False)['state_dict']
    moved = [name for name in state if 'lora_B' in name or name == 'bias.bias']
    assert len(moved) == 9 and all(state[name].any() for name in moved)
