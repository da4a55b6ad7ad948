"""Checkpoints are read without running code from them."""

import os
import shutil
import subprocess

import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer
from mmengine.runner import CheckpointLoader
from safetensors.torch import save_file

from mmpose_ext.engine.checkpoints import load_checkpoint, use_safe_checkpoints


class Payload:
    """Creates a file when it is unpickled by the unsafe way."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


class Call:
    """Pickled as a call of any function."""

    def __init__(self, function, *args):
        self.call = function, args

    def __reduce__(self):
        return self.call


@pytest.fixture
def keep_loaders(monkeypatch):
    """Undo what `use_safe_checkpoints` changes in the process."""
    monkeypatch.setattr(CheckpointLoader, '_schemes', CheckpointLoader._schemes.copy())
    monkeypatch.setenv('TORCH_FORCE_WEIGHTS_ONLY_LOAD', '')
    monkeypatch.delenv('TORCH_FORCE_WEIGHTS_ONLY_LOAD')


def training_checkpoint():
    history = HistoryBuffer([1.0, 2.0], [1, 1])
    return {
        'meta': {
            'epoch': 2,
            'cfg': 'a = 1',
            'config': 'import os',
            'dataset_meta': {
                'colours': np.zeros((2, 3), np.uint8),
                'names': np.array(['root', 'head']),
                'empty': np.zeros(0, np.float32),
            },
        },
        'state_dict': {'weight': torch.ones(2)},
        'message_hub': {
            'log_scalars': {'train/loss': history},
            'runtime_info': {'best_score': np.float64(3.5)},
        },
        'optimizer': {'state': {0: {'step': torch.tensor(3.0)}}},
    }


def test_values(tmp_path):
    path = tmp_path / 'epoch_2.pth'
    torch.save(training_checkpoint(), path)
    loaded = load_checkpoint(path)
    history = loaded['message_hub']['log_scalars']['train/loss']
    assert history.statistics('mean') == 1.5
    assert loaded['meta']['dataset_meta']['colours'].dtype == np.uint8
    assert loaded['meta']['dataset_meta']['names'].tolist() == ['root', 'head']
    assert loaded['message_hub']['runtime_info']['best_score'] == 3.5
    assert 'config' not in loaded['meta'], 'Runner.resume would execute it'


def test_stock_checkpoint(trained):
    """What MMEngine wrote in a real run is read in a fresh process, too."""
    path = trained.work_dir / 'epoch_2.pth'
    assert load_checkpoint(path)['meta']['epoch'] == 2


def test_safetensors(tmp_path):
    path = tmp_path / 'weights.safetensors'
    save_file({'weight': torch.arange(3.0)}, path)
    assert load_checkpoint(path)['state_dict']['weight'].tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    'make',
    [
        lambda marker: Payload(marker),
        lambda marker: Call(subprocess.call, ['mkdir', str(marker)]),
        lambda marker: Call(getattr, np.ndarray, 'tofile'),
        lambda marker: Call(getattr, HistoryBuffer, '__init__'),
        lambda marker: Call(shutil.copytree, '.', str(marker)),
    ],
)
def test_invalid_types(tmp_path, make):
    marker = tmp_path / 'marker'
    path = tmp_path / 'bad.pth'
    torch.save({'state_dict': {}, 'extra': make(marker)}, path)
    with pytest.raises(ValueError, match='--trust-checkpoint'):
        load_checkpoint(path)
    assert not marker.exists()


def test_trust(tmp_path):
    marker = tmp_path / 'marker'
    torch.save({'extra': Payload(marker)}, tmp_path / 'mine.pth')
    load_checkpoint(tmp_path / 'mine.pth', trust=True)
    assert marker.exists()


def test_invalid_files(tmp_path):
    with pytest.raises(FileNotFoundError, match='no checkpoint'):
        load_checkpoint(tmp_path / 'missing.pth')
    text = tmp_path / 'text.pth'
    text.write_text('hello, this is no checkpoint')
    with pytest.raises(ValueError, match='cannot be read as a checkpoint'):
        load_checkpoint(text)
    whole = tmp_path / 'whole.pth'
    torch.save(training_checkpoint(), whole)
    cut = tmp_path / 'cut.pth'
    cut.write_bytes(whole.read_bytes()[:-200])
    with pytest.raises(ValueError, match='cannot be read as a checkpoint'):
        load_checkpoint(cut)


@pytest.mark.parametrize(
    ('content', 'expected'),
    [
        ([torch.ones(2)], 'the file is a list'),
        (torch.ones(2), 'the file is a Tensor'),
        ({'state_dict': [torch.ones(2)]}, 'its state_dict is a list'),
        ({1: torch.ones(2)}, 'weights by their names'),
    ],
)
@pytest.mark.parametrize('trust', [False, True])
def test_invalid_content(tmp_path, content, expected, trust):
    path = tmp_path / 'weights.pth'
    torch.save(content, path)
    with pytest.raises(ValueError, match=expected):
        load_checkpoint(path, trust=trust)


def test_damaged_safetensors(tmp_path):
    path = tmp_path / 'weights.safetensors'
    save_file({'weight': torch.arange(300.0)}, path)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(ValueError, match='cannot be read as a checkpoint'):
        load_checkpoint(path)


def test_mmengine_uses_it(tmp_path, keep_loaders):
    marker = tmp_path / 'marker'
    path = tmp_path / 'bad.pth'
    torch.save({'extra': Payload(marker)}, path)
    use_safe_checkpoints()
    with pytest.raises(ValueError, match='--trust-checkpoint'):
        CheckpointLoader.load_checkpoint(str(path))
    assert not marker.exists()
    use_safe_checkpoints(trust=True)
    CheckpointLoader.load_checkpoint(str(path))
    assert marker.exists()
