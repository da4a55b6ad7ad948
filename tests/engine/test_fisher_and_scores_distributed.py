"""Scores, Fisher information and re-learning of two processes are those of one."""

import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from mmengine.runner import Runner

from tests.fixtures.tiny_multi_modal import tiny_multi_modal
from tests.fixtures.tiny_sensor_run import CHECKPOINTS, loader_config, run_config

REPO = Path(__file__).parents[2]
STIFFNESS = 'fisher_information_stiffness'

HOOKS = [
    dict(type='ShapleyContributionHook'),
    dict(type='ModalityRelearningHook', epoch=0, recalibrate_bn=1),
    dict(
        type='FisherInformationHook',
        alpha_superior=20.0,
        alpha_inferior=10.0,
        estimator='per_sample',
    ),
]


def config_of(work_dir, batch_size, start):
    return run_config(
        work_dir,
        model=dict(constraint=dict(type='WeightConstraintLoss')),
        custom_imports=dict(
            imports=['mmpose_ext', 'tests.fixtures.tiny_sensor_run'],
            allow_failed_imports=False,
        ),
        custom_hooks=HOOKS,
        train_dataloader=loader_config(batch_size),
        # Plain SGD: Adam divides by gradients that are zero up to rounding.
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.05)),
        load_from=str(start),
        **CHECKPOINTS,
    )


def free_port():
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]


@pytest.mark.skipif(shutil.which('bash') is None, reason='needs bash')
def test_in_runner(tmp_path):
    file, start = tmp_path / 'config.json', tmp_path / 'start.pth'
    torch.save({'state_dict': tiny_multi_modal().state_dict()}, start)
    config_of(tmp_path / 'two', 3, start).dump(file)
    environment = {
        **os.environ,
        'CUDA_VISIBLE_DEVICES': '-1',
        'PORT': str(free_port()),
        'PYTHON': sys.executable,
        'PYTHONPATH': str(REPO),
        'OMP_NUM_THREADS': '1',
    }
    command = ['bash', str(REPO / 'tools/dist_train.sh'), str(file), '2']
    result = subprocess.run(
        command, env=environment, cwd=tmp_path, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stdout + result.stderr
    Runner.from_cfg(config_of(tmp_path / 'one', 6, start)).train()

    two, one = (
        json.loads((tmp_path / name / 'contributions.json').read_text())
        for name in ('two', 'one')
    )
    assert two['epochs'] == one['epochs'] == [1, 2]
    for name, values in one['scores'].items():
        assert two['scores'][name] == pytest.approx(values, abs=1e-3)
    saved = [
        torch.load(tmp_path / name / 'epoch_2.pth', weights_only=False)
        for name in ('two', 'one')
    ]
    for part in ('state_dict', STIFFNESS):
        for name, value in saved[1][part].items():
            found = saved[0][part][name]
            torch.testing.assert_close(found, value, atol=1e-4, rtol=1e-3)
    assert any(value.any() for value in saved[1][STIFFNESS].values())
