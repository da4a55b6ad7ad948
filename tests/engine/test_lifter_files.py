import argparse
from types import SimpleNamespace

import pytest
import torch
import untrained
from mmengine.config import Config

from mmpose_ext.engine.lifter_files import (
    add_lifter_arguments,
    batch_size_of,
    command_line,
    lift_test_data,
    lifter_files,
    load_config,
    load_lifter,
)


@pytest.fixture
def parse(tmp_path, pose_store, monkeypatch):
    """Parse arguments for some configs of `fixtures`, with fresh checkpoints."""
    monkeypatch.setenv('POSE_STORE', str(pose_store))
    parser = argparse.ArgumentParser()
    add_lifter_arguments(parser)

    def run(*configs, flags=()):
        arguments = untrained.lifter_arguments(tmp_path, *configs)
        return parser.parse_args([*arguments, *flags])

    run.parser = parser
    return run


def test_pairs(parse, tmp_path):
    first, second = lifter_files(parse('tiny_lifting', 'tiny_prml'))
    assert first.label == 'tiny_lifting' and first.config.endswith('tiny_lifting.py')
    assert second.checkpoint == str(tmp_path / 'tiny_prml_1.pth')
    flags = ['--labels', 'A', 'B']
    labels = [
        row.label for row in lifter_files(parse('tiny_prml', 'tiny_prml', flags=flags))
    ]
    assert labels == ['A', 'B']
    twice = lifter_files(parse('tiny_prml', 'tiny_prml'), distinct_labels=False)
    assert [row.label for row in twice] == ['tiny_prml'] * 2


def test_in_runner(parse):
    args = parse('tiny_lifting', flags=['--device', 'cpu', '--batch-size', '5'])
    (files,) = lifter_files(args)
    cfg = load_config(files, args)
    assert batch_size_of(args, cfg) == 5
    model = load_lifter(files, args, cfg)
    assert not model.training
    saved = torch.load(files.checkpoint, weights_only=True)['state_dict']
    for name, value in model.state_dict().items():
        assert torch.equal(value, saved[name])
    _, dataset, frames = lift_test_data(files, args, choose=lambda data: [0, 1])
    assert len(dataset) == 2 and len(frames) == 6


def test_options(parse):
    option = 'test_dataloader.dataset.keypoints_2d=det'
    args = parse('tiny_lifting', flags=['--cfg-options', option])
    cfg = load_config(lifter_files(args)[0], args)
    assert cfg.test_dataloader.dataset.keypoints_2d == 'det'
    assert batch_size_of(args, cfg) == 8


def test_command_line():
    assert command_line('tools/a/tool.py', ['x', '--y', '1']) == 'tool.py x --y 1'


def test_invalid(parse, tmp_path):
    args = parse('tiny_prml', 'tiny_prml')
    with pytest.raises(ValueError, match='not distinct'):
        lifter_files(args)
    with pytest.raises(ValueError, match='as many labels'):
        lifter_files(parse('tiny_prml', flags=['--labels', 'A', 'B']))
    args.files = args.files[:3]
    with pytest.raises(ValueError, match='expected pairs.*got 3 files'):
        lifter_files(args)
    args.files = ['missing.py', 'missing.pth']
    with pytest.raises(FileNotFoundError, match='missing.py'):
        lifter_files(args)
    cfg = Config(dict(test_dataloader=dict(batch_size=8)))
    with pytest.raises(ValueError, match='--batch-size 0'):
        batch_size_of(SimpleNamespace(batch_size=0), cfg)


def test_checkpoint_of_another_model(parse, tmp_path):
    args = parse('tiny_lifting', 'tiny_prml')
    own, other = lifter_files(args)
    cfg = load_config(own, args)
    with pytest.raises(ValueError, match='lacks .* weights.*trained with'):
        load_lifter(own._replace(checkpoint=other.checkpoint), args, cfg)
    cfg.model.head.hidden_dims = 0
    cfg.model.backbone.mlp_ratio = 4
    with pytest.raises(ValueError, match='does not fit .*tiny_lifting.py'):
        load_lifter(own, args, cfg)
