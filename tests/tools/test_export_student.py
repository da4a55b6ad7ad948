"""An exported student is an ordinary estimator, for this package and for others."""

import json
import os
import subprocess
import sys

import coloured_people
import export_student as tool
import pytest
import tiny_students
import torch
from mmengine.config import Config
from mmengine.runner import Runner
from mmpose.registry import MODELS
from safetensors.torch import load_file

STOCK = """
import json, runpy, sys, torch
from pathlib import Path
import mmpose
from mmpose.apis import init_model

folder = Path(sys.argv[1])
images, found = torch.load(folder / 'images.pt'), {}
for name in ('student0', 'student1'):
    files = [str(folder / f'{name}{suffix}') for suffix in ('.py', '.pth')]
    model = init_model(*files, device='cpu')
    with torch.no_grad():
        found[name] = model(images, None)
    found[f'{name} is'] = type(model).__name__
    found[f'{name} knows'] = model.dataset_meta['flip_indices']
torch.save(found, folder / 'found.pt')
options = ['--out', str(folder / 'scores.json'), '--work-dir', str(folder / 'stock')]
sys.argv = ['test.py', *files, *options]
tool = Path(mmpose.__file__).parent / '.mim' / 'tools' / 'test.py'
runpy.run_path(str(tool), run_name='__main__')
assert not any(name.startswith('mmpose_ext') for name in sys.modules)
"""


@pytest.fixture(scope='module')
def people(tmp_path_factory):
    return coloured_people.write_people(tmp_path_factory.mktemp('people') / 'coco')


@pytest.fixture
def trained(people, tmp_path):
    """A function that writes a config and a checkpoint of tiny students."""

    def make(kind='DualStudent', *, scored_by=(), **options):
        model = tiny_students.students(kind, test_cfg=dict(flip_test=True), **options)
        config = coloured_people.write_config(
            tmp_path / 'dual.py',
            people,
            model,
            size=tiny_students.SIZE,
            scored_by=scored_by,
            custom_imports=dict(imports=['mmpose_ext'], allow_failed_imports=False),
        )
        return config, coloured_people.write_weights(config, tmp_path / 'epoch_1.pth')

    return make


@torch.no_grad()
def heatmaps_of(config, checkpoint, network):
    model = MODELS.build(Config.fromfile(config).model).eval()
    model.load_state_dict(torch.load(checkpoint, weights_only=True)['state_dict'])
    return lambda images: model.networks()[network](images, None)


def test_stock_mmpose(trained, tmp_path):
    """MMPose without this package: the same heatmaps, and the same scores by its tool.

    One process for both, because its imports take most of the time.
    """
    pck = dict(type='PCKAccuracy', thr=0.3)  # not 0 for networks that know nothing
    config, checkpoint = trained(scored_by=[pck])
    folder = tmp_path / 'new'
    names = ('student0', 'student1')
    for name in names:
        tool.main([config, checkpoint, str(folder / name), '--network', name])
    images = torch.rand(2, 3, 64, 48)
    torch.save(images, folder / 'images.pt')
    done = subprocess.run(
        [sys.executable, '-c', STOCK, str(folder)],
        capture_output=True,
        text=True,
        env={**os.environ, 'OMP_NUM_THREADS': '1'},
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found = torch.load(folder / 'found.pt')
    for name in names:
        assert found[f'{name} is'] == 'TopdownPoseEstimator'
        assert found[f'{name} knows'][1] == 2
        assert torch.equal(found[name], heatmaps_of(config, checkpoint, name)(images))

    cfg = Config.fromfile(config)
    cfg.test_evaluator.outfile = str(tmp_path / 'scores.json')
    cfg.update(
        work_dir=str(tmp_path / 'ours'), load_from=checkpoint, experiment_name='ours'
    )
    expected = Runner.from_cfg(cfg).test()
    scores = json.loads((folder / 'scores.json').read_text())
    assert 0 < scores['PCK'] == expected['student1/PCK']
    assert scores['PCK'] != expected['student0/PCK']
    assert scores['coco/AP'] == expected['student1/AP']


def test_files(trained, tmp_path):
    config, checkpoint = trained()
    out = tmp_path / 'new' / 'plain.pth'
    py, pth, safe = tool.main([config, checkpoint, str(out), '--network', 'student1'])
    names = ['plain.py', 'plain.pth', 'plain.safetensors']
    assert [file.name for file in (py, pth, safe)] == names
    assert {file.name for file in out.parent.iterdir()} == {*names}
    saved = torch.load(pth, weights_only=True)
    assert saved.keys() == {'state_dict', 'meta'}
    assert saved['meta']['network'] == 'student1'
    tensors = load_file(safe)
    assert tensors.keys() == saved['state_dict'].keys()
    assert all(torch.equal(tensors[k], v) for k, v in saved['state_dict'].items())


def test_config(trained, tmp_path):
    config, checkpoint = trained()
    py, *_ = tool.main([config, checkpoint, str(tmp_path / 'plain.pth')])
    assert 'mmpose_ext' not in py.read_text()
    cfg = Config.fromfile(py)
    assert cfg.model.type == 'TopdownPoseEstimator'
    assert cfg.model.data_preprocessor == coloured_people.preprocessor()
    assert cfg.model.test_cfg == dict(flip_test=True, flip_mode='heatmap')
    assert [metric.type for metric in cfg.test_evaluator] == ['CocoMetric']


def test_different_students(trained, tmp_path):
    """Each student has the config of its own."""
    students = [tiny_students.network(4), tiny_students.network(8)]
    for student in students:
        student['backbone']['init_cfg'] = dict(type='Pretrained', checkpoint='x')
    config, checkpoint = trained(students=students)
    for name, width in (('student0', 4), ('student1', 8)):
        py, *_ = tool.main(
            [config, checkpoint, str(tmp_path / name), '--network', name]
        )
        backbone = Config.fromfile(py).model.backbone
        assert backbone.base_channels == width and 'init_cfg' not in backbone


def test_moving_average(trained, tmp_path):
    teacher = dict(type='ExponentialMovingAverage', momentum=0.1)
    config, checkpoint = trained('ConsistencyStudent', teacher=teacher)
    content = torch.load(checkpoint)
    for key, value in content['state_dict'].items():
        if key.startswith('teacher.module.head.final'):
            value += 1
    torch.save(content, checkpoint)
    states = {}
    for name in ('student', 'teacher'):
        out = str(tmp_path / name)
        tool.main([config, checkpoint, out, '--network', name])
        states[name] = load_file(f'{out}.safetensors')
    assert states['student'].keys() == states['teacher'].keys()
    bias = 'head.final_layer.bias'
    assert torch.equal(states['teacher'][bias], states['student'][bias] + 1)


def test_data_of_this_package(trained, tmp_path, capsys):
    config, checkpoint = trained()
    option = 'test_dataloader.dataset.pipeline.1.type=ViewBBoxTransform'
    py, *_ = tool.main(
        [config, checkpoint, str(tmp_path / 'plain'), '--cfg-options', option]
    )
    assert Config.fromfile(py).custom_imports.imports == ['mmpose_ext']
    assert 'need this package: ViewBBoxTransform' in capsys.readouterr().out


def test_invalid(trained, people, tmp_path):
    config, checkpoint = trained()
    out = str(tmp_path / 'plain')
    for name, message in (
        ('ensemble', r"no network.*\['student0', 'student1'\]"),
        ('student7', 'student7'),
    ):
        with pytest.raises(ValueError, match=message):
            tool.main([config, checkpoint, out, '--network', name])
    with pytest.raises(FileNotFoundError, match='nowhere'):
        tool.main([config, 'nowhere.pth', out])
    model = tiny_students.network(data_preprocessor=coloured_people.preprocessor())
    ordinary = coloured_people.write_config(tmp_path / 'ordinary.py', people, model)
    weights = coloured_people.write_weights(ordinary, tmp_path / 'ordinary.pth')
    with pytest.raises(ValueError, match='publish_model'):
        tool.main([ordinary, weights, out])
    with pytest.raises(ValueError, match='does not fit|lacks'):
        tool.main([config, weights, out])
    assert not list(tmp_path.glob('plain*'))
    (tmp_path / 'plain.pth').write_text('mine')
    with pytest.raises(FileExistsError, match='--overwrite'):
        tool.main([config, checkpoint, out])
