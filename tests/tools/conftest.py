"""Command-line tools as modules, and a config that they can run."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

REPO = Path(__file__).parents[2]


@pytest.fixture(scope='session')
def load_tool():
    """A function that imports a script of `tools` without running it."""

    def load(path):
        name = 'tool_' + path.replace('/', '_')
        spec = importlib.util.spec_from_file_location(name, REPO / f'tools/{path}.py')
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module  # dataclasses look their module up
        spec.loader.exec_module(module)
        return module

    return load


@pytest.fixture
def tiny_config_file(pose_store, monkeypatch):
    """Path of the tiny config, which reads POSE_STORE."""
    monkeypatch.setenv('POSE_STORE', str(pose_store))
    return str(REPO / 'tests/fixtures/tiny_lifting.py')
