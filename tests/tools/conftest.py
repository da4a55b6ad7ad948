"""Command-line tools as modules, and a config that they can run."""

from __future__ import annotations

from pathlib import Path

import pytest

REPO = Path(__file__).parents[2]


@pytest.fixture(scope='session')
def load_tool(load_script):
    """A function that imports a script of `tools` without running it."""
    return lambda path: load_script(f'tools/{path}')


@pytest.fixture
def tiny_config_file(pose_store, monkeypatch):
    """Path of the tiny config, which reads POSE_STORE."""
    monkeypatch.setenv('POSE_STORE', str(pose_store))
    return str(REPO / 'tests/fixtures/tiny_lifting.py')
