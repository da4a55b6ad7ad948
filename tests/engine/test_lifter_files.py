import argparse
from types import SimpleNamespace

import pytest
import torch
import untrained
from mmengine.config import Config
from mmpose.registry import MODELS

from mmpose_ext.engine.lifter_files import (
    LifterFiles,
    add_lifter_arguments,
    batch_size_of,
    command_line,
    find_device,
    lift_test_data,
    lifter_files,
    load_config,
    load_lifter,
    load_weights,
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


def test_weights_that_are_left_over(parse, tmp_path):
    """A deeper network is another one; other parts of a training are not missed."""
    args = parse('tiny_lifting')
    (files,) = lifter_files(args)
    cfg = load_config(files, args)
    cfg.model.backbone.depth = 3
    deep = MODELS.build(cfg.model)
    torch.save({'state_dict': deep.state_dict()}, tmp_path / 'deep.pth')
    cfg.model.backbone.depth = 1
    deeper = files._replace(checkpoint=str(tmp_path / 'deep.pth'))
    with pytest.raises(
        ValueError, match='no place for, such as backbone.*trained with'
    ):
        load_lifter(deeper, args, cfg)
    model = load_lifter(files, args, cfg)
    further = {
        'teacher.weight': torch.ones(3),
        'data_preprocessor.mean': torch.ones(3),
        'backbone.num_batches_tracked': torch.tensor(3),
    }
    load_weights(model, model.state_dict() | further, files)
    left = {'backbone.lora_A': torch.ones(3)}
    with pytest.raises(ValueError, match='has 1 weights .* backbone.lora_A'):
        load_weights(model, model.state_dict() | left, files)


@pytest.mark.parametrize(
    ('text', 'expected'),
    [
        ('model = dict(', r'cannot be read as a config \(SyntaxError'),
        ('model = dict(type=nothing)', 'cannot be read as a config'),
        ('default_scope = "mmpose"', r"has \['default_scope'\]; expected a config"),
        ('model = 3', 'expected a config of a model'),
        ('model = dict(type="SequenceLifter")', 'no model can be built'),
        ('model = dict(type="Nothing")', 'no model can be built'),
    ],
)
def test_invalid_configs(parse, tmp_path, text, expected):
    args = parse('tiny_prml')
    (files,) = lifter_files(args)
    broken = tmp_path / 'broken.py'
    broken.write_text(text)
    files = files._replace(config=str(broken))
    with pytest.raises(ValueError, match=expected):
        load_lifter(files, args, load_config(files, args))


def test_wrong_files(parse):
    args = parse('tiny_prml')
    (files,) = lifter_files(args)
    swapped = LifterFiles('', files.checkpoint, files.config)
    with pytest.raises(
        ValueError, match='cannot be read as a config.*weights after it'
    ):
        load_config(swapped, args)
    with pytest.raises(FileNotFoundError, match='no config nothing.py'):
        load_config(files._replace(config='nothing.py'), args)
    args.cfg_options = {'model.backbone.depth_2d.nothing': 1}
    with pytest.raises(ValueError, match='the options .* do not fit'):
        load_config(files, args)


def test_device():
    assert find_device('cpu').type == 'cpu'
    with pytest.raises(ValueError, match='the device nothing cannot be used'):
        find_device('nothing')
    if not torch.cuda.is_available():
        with pytest.raises(ValueError, match='the device cuda cannot be used'):
            find_device('cuda')
