import hashlib
import json
import math

import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer
from safetensors.torch import load_file


@pytest.fixture(scope='module')
def tool(load_tool):
    return load_tool('misc/publish_model')


@pytest.fixture
def checkpoint(tmp_path):
    """A training checkpoint with a shared and a strided tensor."""
    shared = torch.arange(4.0)
    data = {
        'meta': {
            'epoch': 3,
            'cfg': "work_dir = '/home/me/secret'\nmodel = dict(type='X')\n",
            'seed': 1,
            'dataset_meta': {'dataset_name': 'x', 'sigmas': np.float32([0.5, 0.25])},
        },
        'state_dict': {
            'module.a': shared,
            'module.b': shared[:2],
            'module.c': torch.arange(6.0).view(2, 3).T,
        },
        'message_hub': {
            'log_scalars': {
                'val/MPJPE': HistoryBuffer([50.0, 45.0], [1, 1]),
                'val/MPJVE': HistoryBuffer([math.nan], [1]),
                'val/time': HistoryBuffer([1.0], [1]),
                'train/loss': HistoryBuffer([1.0], [1]),
            }
        },
        'optimizer': {'state': {}},
    }
    path = tmp_path / 'epoch_3.pth'
    torch.save(data, path)
    return path


def test_values(tool, checkpoint, tmp_path):
    paths = tool.publish(checkpoint, str(tmp_path / 'out/model.pth'))
    plain = torch.load(paths['pth'], weights_only=True)
    assert list(plain) == ['state_dict', 'meta']
    meta = {'dataset_name': 'x', 'sigmas': [0.5, 0.25]}
    assert plain['meta'] == {'dataset_meta': meta}
    for state_dict in (plain['state_dict'], load_file(paths['safetensors'])):
        assert sorted(state_dict) == ['a', 'b', 'c']
        assert state_dict['c'].tolist() == [[0, 3], [1, 4], [2, 5]]
    card = json.loads(paths['card'].read_text())
    assert paths['card'].name == 'model.json'
    assert card['metrics'] == {'MPJPE': 45.0, 'MPJVE': None}
    assert card['epoch'] == 3 and card['values'] == 12
    assert 'secret' not in paths['card'].read_text() and "'X'" in card['config']
    for suffix in ('pth', 'safetensors'):
        digest = hashlib.sha256(paths[suffix].read_bytes()).hexdigest()
        assert paths[suffix].stem == f'model-{digest[:8]}'
        assert card['files'][paths[suffix].name]['sha256'] == digest


def test_same_input_same_files(tool, checkpoint, tmp_path):
    first = tool.publish(checkpoint, str(tmp_path / 'model'))
    again = tool.publish(checkpoint, str(tmp_path / 'model'))
    assert first == again
    assert len(list(tmp_path.iterdir())) == 4, 'no temporary file is left'


def test_state_dict_alone(tool, tmp_path):
    torch.save({'a': torch.zeros(2)}, tmp_path / 'plain.pth')
    paths = tool.publish(tmp_path / 'plain.pth', str(tmp_path / 'model'))
    assert json.loads(paths['card'].read_text())['metrics'] == {}
    assert list(torch.load(paths['pth'], weights_only=True)) == ['state_dict']


def test_invalid(tool, tmp_path):
    torch.save({'meta': {}, 'epoch': 3}, tmp_path / 'empty.pth')
    with pytest.raises(ValueError, match='no state dict'):
        tool.publish(tmp_path / 'empty.pth', str(tmp_path / 'model'))
    with pytest.raises(FileNotFoundError):
        tool.publish(tmp_path / 'missing.pth', str(tmp_path / 'model'))
