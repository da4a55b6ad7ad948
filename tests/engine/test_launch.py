"""Processes without a GPU."""

import argparse
import socket

import pytest
import torch
from mmengine.config import Config
from mmengine.dist import is_distributed

from mmpose_ext.engine import launch


@pytest.fixture
def one_process(monkeypatch):
    """The environment of a group of one, which ends with the test."""
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        port = free.getsockname()[1]
    for key, value in {
        'RANK': '0',
        'WORLD_SIZE': '1',
        'LOCAL_RANK': '0',
        'MASTER_ADDR': '127.0.0.1',
        'MASTER_PORT': str(port),
        'GLOO_SOCKET_IFNAME': 'lo',
    }.items():
        monkeypatch.setenv(key, value)
    yield
    if is_distributed():
        torch.distributed.destroy_process_group()


@pytest.fixture(autouse=True)
def no_gpu(monkeypatch):
    monkeypatch.setattr(launch, 'get_device', lambda: 'cpu')


def test_values(one_process):
    cfg = Config(dict(launcher='pytorch'))
    launch.prepare_processes(cfg)
    assert torch.distributed.get_backend() == 'gloo'
    assert cfg.env_cfg.dist_cfg.backend == 'gloo'
    assert cfg.model_wrapper_cfg.device_ids is None
    assert not cfg.model_wrapper_cfg.find_unused_parameters
    launch.leave_processes()
    assert not is_distributed()


def test_own_wrapper_is_kept(one_process):
    wrapper = dict(type='MMDistributedDataParallel', static_graph=True)
    cfg = Config(dict(launcher='pytorch', model_wrapper_cfg=wrapper))
    launch.prepare_processes(cfg)
    assert cfg.model_wrapper_cfg.static_graph
    assert cfg.model_wrapper_cfg.device_ids is None


def test_single_process():
    cfg = Config(dict(launcher='none'))
    launch.prepare_processes(cfg)
    assert not is_distributed()
    assert 'model_wrapper_cfg' not in cfg


def test_trust_is_asked_for():
    parser = argparse.ArgumentParser()
    launch.add_trust_checkpoint(parser)
    assert not parser.parse_args([]).trust_checkpoint
    assert parser.parse_args(['--trust-checkpoint']).trust_checkpoint


def test_invalid(monkeypatch):
    monkeypatch.delenv('RANK', raising=False)
    with pytest.raises(ValueError, match=r'RANK.*dist_train\.sh'):
        launch.prepare_processes(Config(dict(launcher='pytorch')))
    monkeypatch.setattr(launch, 'get_device', lambda: 'cuda')
    monkeypatch.setattr(torch.cuda, 'device_count', lambda: 1)
    monkeypatch.setenv('LOCAL_WORLD_SIZE', '2')
    with pytest.raises(ValueError, match='2 processes on this node but 1 GPU'):
        launch.prepare_processes(Config(dict(launcher='pytorch')))
