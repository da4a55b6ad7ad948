"""`tools/train.py` and `tools/test.py`: merging of flags, and a short run."""

import json
import os
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.runner import CheckpointLoader
from mmpose.registry import OPTIM_WRAPPERS

from mmpose_ext.engine.optim_wrappers import ModalityOptimWrapper


@pytest.fixture(scope='module')
def train(load_tool):
    return load_tool('train')


@pytest.fixture(scope='module')
def test_tool(load_tool):
    return load_tool('test')


@pytest.fixture(autouse=True)
def keep_process(monkeypatch, tmp_path):
    """Undo what the tools change in the process; run in an empty folder."""
    monkeypatch.setattr(CheckpointLoader, '_schemes', CheckpointLoader._schemes.copy())
    monkeypatch.setenv('TORCH_FORCE_WEIGHTS_ONLY_LOAD', '')
    monkeypatch.delenv('TORCH_FORCE_WEIGHTS_ONLY_LOAD')
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def merge(train, tiny_config_file):
    """The merged config of some flags of `train.py`."""

    def run(*flags):
        args = train.parse_args([tiny_config_file, *flags])
        return train.merge_args(Config.fromfile(tiny_config_file), args)

    return run


@pytest.fixture
def merge_test(test_tool, tiny_config_file, tmp_path):
    """The merged config of some flags of `test.py`."""
    checkpoint = tmp_path / 'weights.pth'
    checkpoint.touch()

    def run(*flags):
        args = test_tool.parse_args([tiny_config_file, str(checkpoint), *flags])
        return test_tool.merge_args(Config.fromfile(tiny_config_file), args)

    return run


def test_defaults(merge):
    cfg = merge()
    assert cfg.work_dir == './work_dirs/tiny_lifting'
    assert cfg.launcher == 'none' and not cfg.resume
    assert cfg.randomness.seed == 0 and cfg.val_cfg is not None
    assert 'enable' not in cfg.default_hooks.visualization or (
        not cfg.default_hooks.visualization.enable
    )


def test_train_flags(merge, tmp_path):
    cfg = merge('--work-dir', 'out', '--seed', '7', '--no-validate')
    assert cfg.work_dir == 'out' and cfg.randomness.seed == 7
    assert cfg.val_cfg is cfg.val_dataloader is cfg.val_evaluator is None
    (tmp_path / 'a.pth').touch()
    cfg = merge('--resume', 'a.pth', '--auto-scale-lr')
    assert cfg.resume and cfg.load_from == 'a.pth' and cfg.auto_scale_lr.enable


def test_resume_of_a_run_that_starts_from_another(merge, tmp_path):
    """The run's own checkpoint wins over `load_from`, wherever that stands."""
    flags = ('--work-dir', str(tmp_path), '--resume')
    options = ('--cfg-options', 'load_from=source.pth')
    cfg = merge(*flags, *options)
    assert not cfg.resume and cfg.load_from == 'source.pth', 'no checkpoint yet'
    (tmp_path / 'last_checkpoint').write_text(str(tmp_path / 'iter_2.pth'))
    (tmp_path / 'iter_2.pth').touch()
    cfg = merge(*flags, *options)
    assert cfg.resume and cfg.load_from is None
    cfg = merge(*flags[:2], *options)
    assert not cfg.resume and cfg.load_from == 'source.pth'


def test_options_win(merge):
    cfg = merge('--work-dir', 'out', '--cfg-options', 'work_dir=other', 'a.b=1,2')
    assert cfg.work_dir == 'other' and cfg.a.b == [1, 2]


def test_pictures(merge, merge_test):
    flags = ('--show-dir', 'pics', '--interval', '3', '--show', '--wait-time', '2')
    for cfg in (merge(*flags), merge_test(*flags)):
        hook = cfg.default_hooks.visualization
        assert hook.enable and hook.show and hook.out_dir == 'pics'
        assert hook.interval == 3 and hook.wait_time == 2


def test_mixed_precision(merge, train, monkeypatch):
    monkeypatch.setattr(train, 'get_device', lambda: 'cuda')
    wrapper = merge('--amp').optim_wrapper
    assert wrapper.type == 'AmpOptimWrapper' and wrapper.loss_scale == 'dynamic'
    monkeypatch.setattr(train, 'get_device', lambda: 'cpu')
    assert merge('--amp').optim_wrapper.type != 'OptimWrapper'


def test_mixed_precision_of_balancing_methods(train):
    for name in ('AGMOptimWrapper', 'MMParetoOptimWrapper', 'OGMGEOptimWrapper'):
        assert issubclass(OPTIM_WRAPPERS.get(name), ModalityOptimWrapper)
        cfg = Config(dict(optim_wrapper=dict(type=name)))
        train._use_mixed_precision(cfg)
        assert cfg.optim_wrapper.type == name
        assert cfg.optim_wrapper.dtype in ('bfloat16', 'float16')


def test_test_flags(merge_test, tmp_path):
    cfg = merge_test('--dump', 'p.pkl', '--out', 'm.json')
    assert cfg.load_from == str(tmp_path / 'weights.pth') and not cfg.resume
    kinds = [evaluator.type for evaluator in cfg.test_evaluator]
    assert kinds == ['PoseLiftingMetric', 'DumpResults']
    cfg = merge_test('--cfg-options', 'load_from=start.pth', 'resume=True')
    assert cfg.load_from == str(tmp_path / 'weights.pth') and not cfg.resume, (
        'options of the training that made the checkpoint do not replace it'
    )


def test_invalid(merge, merge_test, train, test_tool, tiny_config_file):
    with pytest.raises(FileNotFoundError, match='missing.pth'):
        merge('--resume', 'missing.pth')
    with pytest.raises(ValueError, match='--dump must end'):
        merge_test('--dump', 'p.json')
    with pytest.raises(ValueError, match='--out must end'):
        merge_test('--out', 'm.txt')
    with pytest.raises(ValueError, match='default_hooks.badcase'):
        merge_test('--badcase')
    with pytest.raises(FileNotFoundError, match='nothing.pth'):
        args = test_tool.parse_args([tiny_config_file, 'nothing.pth'])
        test_tool.merge_args(Config.fromfile(tiny_config_file), args)
    cfg = Config.fromfile(tiny_config_file)
    cfg.default_hooks.pop('visualization')
    with pytest.raises(ValueError, match=r'--show-dir.*PosePictureHook'):
        train.merge_args(cfg, train.parse_args([tiny_config_file, '--show-dir', 'x']))
    cfg = Config.fromfile(tiny_config_file)
    cfg.auto_scale_lr = None
    with pytest.raises(ValueError, match='base_batch_size'):
        train.merge_args(cfg, train.parse_args([tiny_config_file, '--auto-scale-lr']))
    cfg = Config.fromfile(tiny_config_file)
    cfg.optim_wrapper.type = 'MyOptimWrapper'
    with pytest.raises(ValueError, match='MyOptimWrapper'):
        train.merge_args(cfg, train.parse_args([tiny_config_file, '--amp']))


def test_in_runner(train, test_tool, load_tool, tiny_config_file, capsys, tmp_path):
    """Train, resume, publish, test: the same metrics all the way."""
    flags = [tiny_config_file, '--work-dir', 'run', '--cfg-options']
    train.main([*flags, 'train_cfg.max_epochs=1', 'experiment_name=first'])
    console = capsys.readouterr().out
    assert 'Hooks will be executed' not in console
    assert 'System environment' not in console
    assert 'train  epoch 1/1' in console
    assert 'tools/test.py' in console
    assert 'System environment' in next(Path('run').glob('*/*.log')).read_text()

    train.main([*flags[:3], '--resume', '--cfg-options', 'experiment_name=second'])
    console = capsys.readouterr().out
    assert 'resumed epoch: 1' in console and 'epoch 2/2' in console
    assert 'epoch 1/2' not in console
    assert 'Could not safely load' not in console

    publish = load_tool('misc/publish_model')
    paths = publish.publish('run/epoch_2.pth', 'published/tiny')
    results = []
    for i, path in enumerate(('run/epoch_2.pth', paths['pth'], paths['safetensors'])):
        results.append(
            test_tool.main(
                [tiny_config_file, str(path), '--work-dir', 'test', '--out', 'm.json']
                + ['--dump', 'p.pkl', '--cfg-options', f'experiment_name=test{i}']
            )
        )
    assert results[0]['MPJPE'] == results[1]['MPJPE'] == results[2]['MPJPE']
    assert json.loads(Path('m.json').read_text())['MPJPE'] == results[0]['MPJPE']
    assert os.path.getsize('p.pkl') > 1000
    assert Path('test/poses.png').is_file()

    torch.save({'state_dict': {}, 'hook': Config}, 'other.pth')
    with pytest.raises(ValueError, match='--trust-checkpoint'):
        test_tool.main(
            [tiny_config_file, 'other.pth', '--cfg-options', 'experiment_name=other']
        )
