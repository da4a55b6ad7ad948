"""Scores, Fisher information and re-learning of two processes are those of one."""

import json
import shutil

import pytest
import torch
from mmengine.runner import Runner

from tests.fixtures.tiny_multi_modal import tiny_multi_modal
from tests.fixtures.tiny_sensor_run import CHECKPOINTS, loader_config, run_config
from tests.fixtures.two_processes import train_on_two

ESTIMATE = 'fisher_information_estimate'

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


@pytest.mark.skipif(shutil.which('bash') is None, reason='needs bash')
def test_in_runner(tmp_path):
    file, start = tmp_path / 'config.json', tmp_path / 'start.pth'
    torch.save({'state_dict': tiny_multi_modal().state_dict()}, start)
    config_of(tmp_path / 'two', 3, start).dump(file)
    train_on_two(file, cwd=tmp_path)
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
    for of_two, of_one in (
        [state['state_dict'] for state in saved],
        [state[ESTIMATE]['fisher'] for state in saved],
    ):
        for name, value in of_one.items():
            torch.testing.assert_close(of_two[name], value, atol=1e-4, rtol=1e-3)
    assert any(value.any() for value in of_one.values())
