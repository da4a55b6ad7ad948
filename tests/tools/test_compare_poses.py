"""Two methods on the same frames: which frames, errors, the picture."""

import compare_poses as tool
import matplotlib.image
import numpy as np
import pytest
import torch
import untrained
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmpose.registry import MODELS

from mmpose_ext.evaluation.functional import mpjpe
from tests.fixtures.tiny_sensor_run import TinySensorDataset, loader_config, run_config


@pytest.fixture
def method(tmp_path):
    """A function that writes a config and an untrained checkpoint."""

    def write(name, *, weights, model=None, **dataset):
        file = tmp_path / f'{name}.py'
        config = run_config(
            tmp_path, model=model, test_dataloader=loader_config(4, **dataset)
        )
        config.dump(file)
        checkpoint = tmp_path / f'{name}.pth'
        return [str(file), untrained.write_checkpoint(file, checkpoint, seed=weights)]

    return write


@pytest.fixture
def methods(method):
    data = dict(size=10, seed=3)
    fusion = dict(fusion=dict(type='MLPFusion', hidden_channels=8))
    return [
        *method('concat', weights=0, **data),
        *method('mlp', weights=1, model=fusion, **data),
    ]


def predicted(config, checkpoint, dataset):
    """Poses of a method, one frame at a time."""
    init_default_scope('mmpose')
    model = MODELS.build(Config.fromfile(config).model).eval()
    model.load_state_dict(torch.load(checkpoint)['state_dict'])
    poses = []
    for number in range(len(dataset)):
        inputs = dataset[number]['inputs']
        batch = {name: value[None] for name, value in inputs.items()}
        for name in ('lidar', 'mmwave'):
            batch[f'{name}_mask'] = torch.ones(1, len(inputs[name]), dtype=torch.bool)
        with torch.no_grad():
            poses.append(model(batch)[0])
    return torch.stack(poses)


def test_values(methods, tmp_path, monkeypatch, capsys):
    shown, draw = {}, tool.draw_pose_comparison

    def watch(figure, truth, first, second, **options):
        shown.update(options, poses=(truth, first, second))
        return draw(figure, truth, first, second, **options)

    monkeypatch.setattr(tool, 'draw_pose_comparison', watch)
    out = tmp_path / 'poses.png'
    flags = ['--labels', 'OGM-GE', 'ours', '--margin', '50', '--frames', '3']
    report = tool.main([*methods, *flags, '--out', str(out)])
    assert matplotlib.image.imread(out).ndim == 3
    dataset = TinySensorDataset(size=10, seed=3)
    pred = [predicted(*methods[i : i + 2], dataset) for i in (0, 2)]
    for label, own, other in zip(report, pred, pred[::-1], strict=True):
        assert report[label]['MPJPE'] == pytest.approx(
            1000 * mpjpe(own, dataset.pose).mean().item(), rel=1e-4
        )
        gains = [(x - dataset.pose).norm(dim=-1) for x in (other, own)]
        share = (gains[0] - gains[1] > 0.05).float().mean().item()
        assert report[label]['better'] == pytest.approx(share)
    printed = capsys.readouterr().out
    assert 'mean over 10 frames' in printed
    assert f'OGM-GE: MPJPE {report["OGM-GE"]["MPJPE"]:.1f} mm' in printed
    rows = [1, 5, 8]
    assert shown['titles'] == [f'sample\n{row}' for row in rows]
    assert shown['labels'] == ('OGM-GE', 'ours') and shown['margin'] == 0.05
    for found, expected in zip(shown['poses'], (dataset.pose, *pred), strict=True):
        np.testing.assert_allclose(found, expected[rows], atol=1e-5)


def test_chosen_frames(methods, tmp_path, capsys):
    flags = ['--scored', '5', '--frames', '2', '--seed', '7', '--batch-size', '2']
    tool.main([*methods, *flags, '--out', str(tmp_path / 'a.png')])
    assert 'mean over 5 frames' in capsys.readouterr().out


def test_invalid(methods, method, tmp_path, capsys):
    out = ['--out', str(tmp_path / 'poses.png')]
    other = method('other', weights=0, size=10, seed=4)
    with pytest.raises(ValueError, match='concat and other are tested on different'):
        tool.main([*methods[:2], *other, *out])
    for wrong, message in (
        ([*methods, *methods[:2]], 'got 6 files'),
        ([*methods, '--frames', '0'], '--frames 0'),
        ([*methods, '--margin', '-1'], '--margin -1'),
    ):
        with pytest.raises(SystemExit):
            tool.main([*wrong, *out])
        assert message in capsys.readouterr().err
    assert not (tmp_path / 'poses.png').exists()
