"""A finished training that the tests of hooks look at."""

from __future__ import annotations

import io
from contextlib import redirect_stdout
from pathlib import Path
from types import SimpleNamespace

import pytest
from mmengine.config import Config
from mmengine.runner import Runner

TINY = Path(__file__).parents[1] / 'fixtures' / 'tiny_lifting.py'


@pytest.fixture(scope='session')
def tiny_config(pose_store):
    """A function that loads the tiny config for a work dir."""

    def load(work_dir, **options):
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv('POSE_STORE', str(pose_store))
            cfg = Config.fromfile(TINY)
        cfg.work_dir = str(work_dir)
        cfg.experiment_name = Path(work_dir).name
        cfg.merge_from_dict(options)
        return cfg

    return load


@pytest.fixture(scope='session')
def trained(tiny_config, tmp_path_factory):
    """Two epochs by the stock runner: its work dir, console text and runner."""
    work_dir = tmp_path_factory.mktemp('trained')
    console = io.StringIO()
    with redirect_stdout(console):
        runner = Runner.from_cfg(tiny_config(work_dir))
        runner.train()
    return SimpleNamespace(work_dir=work_dir, console=console.getvalue(), runner=runner)
