"""Scores under views, with a network that knows the joints by their colours."""

import json

import augmentation_difficulty as tool
import coloured_people
import matplotlib.image
import pytest
import tiny_students
import torch
from altered_views import AlteredCrops
from mmengine.config import Config
from mmengine.runner import Runner
from mmpose.registry import DATASETS, MODELS


@pytest.fixture(scope='module')
def people(tmp_path_factory):
    return coloured_people.write_people(tmp_path_factory.mktemp('people') / 'coco')


@pytest.fixture(scope='module')
def trained(people, tmp_path_factory):
    """Config and checkpoint of two students that see colours."""
    folder = tmp_path_factory.mktemp('colours')
    network = coloured_people.colour_network()
    model = tiny_students.students(
        students=[network, network], views=tiny_students.views()
    )
    config = coloured_people.write_config(folder / 'colours.py', people, model)
    return config, coloured_people.write_weights(config, folder / 'colours.pth')


@pytest.fixture(scope='module')
def report(trained, tmp_path_factory):
    out = tmp_path_factory.mktemp('out')
    flags = ['--out', str(out), '--joint-cutout', '3', '12', '--seeds', '2']
    tool.main([*trained, *flags, '--device', 'cpu'])
    assert matplotlib.image.imread(out / f'{tool.NAME}.png').shape[2] == 4
    return json.loads((out / f'{tool.NAME}.json').read_text())


def views_of(report):
    return {row['view']: row for row in report['views']}


def test_unaltered_is_the_plain_evaluation(trained, report, tmp_path):
    cfg = Config.fromfile(trained[0])
    cfg.test_evaluator.outfile = str(tmp_path / 'scores.json')
    cfg.update(work_dir=str(tmp_path), load_from=trained[1], experiment_name='plain')
    plain = Runner.from_cfg(cfg).test()
    found = views_of(report)['unaltered']['mean']
    assert found['AP'] == pytest.approx(plain['student0/AP']) and found['AP'] > 0.9
    assert found['AR'] == pytest.approx(plain['student0/AR'])


def test_turned_back(report):
    """A network that turns with the picture loses only what leaves the view."""
    views = views_of(report)
    assert views['Affine 30']['mean']['PCK'] > 0.85
    assert views['Affine 60']['mean']['PCK'] > 0.6


def test_order(report):
    """More joints cut out are harder, and what is on top is easiest."""
    views = views_of(report)
    names = [row['view'] for row in report['views']]
    assert set(names) == {
        'unaltered',
        'Affine 30',
        'Affine 60',
        'RandAugment 20',
        'Joint Cutout 3',
        'Joint Cutout 12',
    }
    few, many = (views[f'Joint Cutout {n}']['mean']['PCK'] for n in (3, 12))
    assert views['unaltered']['mean']['PCK'] > few > many
    means = [row['mean']['AP'] for row in report['views']]
    assert means == sorted(means, reverse=True)
    assert names[0] == 'unaltered'
    few, many = report['joint_cutout']
    assert 'num_joints=3' in few and 'num_joints=12' in many


def test_cutout_of_the_config(trained, tmp_path):
    """Patches are as large as those that the students learned with."""
    cfg = Config.fromfile(trained[0])
    cutout = dict(type='BatchJointCutout', half_size=(3, 6), jitter=4.0)
    model = MODELS.build({**cfg.model, 'occlusions': [[cutout]]})
    dataset = DATASETS.build(cfg.test_dataloader.dataset)
    flags = ['--out', str(tmp_path), '--joint-cutout', '2', '--seeds', '1']
    args = tool.parse_args([*trained, *flags])
    size = coloured_people.SIZE
    trials = tool.trials_of(dataset, tool.metrics_of(cfg), size, model, args)
    found = trials[-1].operator.patches
    assert trials[-1].name == 'Joint Cutout 2' and found.num_joints == 2
    assert tuple(found.half_size) == (3, 6) and found.jitter == 4


def test_seeds(report):
    views = views_of(report)
    assert len(views['unaltered']['seeds']) == 1
    assert views['unaltered']['deviation']['AP'] is None
    row = views['Joint Cutout 12']
    first, second = (seed['PCK'] for seed in row['seeds'])
    assert first != second
    assert row['mean']['PCK'] == pytest.approx((first + second) / 2)
    assert row['deviation']['PCK'] == pytest.approx(abs(first - second) / 2**0.5)
    text = tool.format_report(report)
    assert text.splitlines()[1].startswith('unaltered') and '+-' in text


def test_ordinary_estimator(people, tmp_path, report):
    """The same network alone has the same scores; so has another batch size."""
    model = coloured_people.colour_network(
        data_preprocessor=coloured_people.preprocessor()
    )
    config = coloured_people.write_config(tmp_path / 'alone.py', people, model)
    weights = coloured_people.write_weights(config, tmp_path / 'alone.pth')
    flags = ['--out', str(tmp_path), '--seeds', '1', '--batch-size', '6']
    alone = views_of(tool.main([config, weights, *flags, '--device', 'cpu']))
    assert alone['unaltered']['mean'] == views_of(report)['unaltered']['mean']
    first = views_of(report)['Affine 60']['seeds'][0]
    assert alone['Affine 60']['mean'] == first


@pytest.mark.parametrize('use_udp', [False, True])
def test_crops(people, trained, use_udp):
    """A still view is what TopdownAffine cuts out, another one shows it moved."""
    cfg = Config.fromfile(trained[0])
    cfg.test_dataloader.dataset.pipeline[2].use_udp = use_udp
    dataset = DATASETS.build(cfg.test_dataloader.dataset)
    still = torch.eye(3)[:2]
    moved = still.clone()
    moved[0, 2] = 5
    maps = torch.stack([still, moved])[:, None].expand(2, len(dataset), 2, 3)
    crops, sample = AlteredCrops(dataset, maps)[1]
    plain = dataset[1]['inputs']
    assert torch.equal(crops[0], plain) and torch.equal(crops[1], plain)
    difference = crops[2][..., 5:].int() - plain[..., :-5].int()
    assert int(difference.abs().max()) <= 2
    assert sample.metainfo['img_id'] == 2


class TestInvalid:
    def test_test_dev(self, trained, tmp_path):
        option = 'test_evaluator.scored_by.0.format_only=True'
        with pytest.raises(ValueError, match='format_only'):
            tool.main([*trained, '--out', str(tmp_path), '--cfg-options', option])

    def test_metric(self, trained, tmp_path):
        option = 'test_evaluator.scored_by.0.type=EPE'
        with pytest.raises(ValueError, match=r"tests with \['EPE'\]"):
            tool.main([*trained, '--out', str(tmp_path), '--cfg-options', option])

    def test_no_affine(self, people, trained):
        cfg = Config.fromfile(trained[0])
        cfg.test_dataloader.dataset.pipeline.pop(2)
        dataset = DATASETS.build(cfg.test_dataloader.dataset)
        with pytest.raises(ValueError, match='no TopdownAffine'):
            AlteredCrops(dataset, torch.zeros(1, 6, 2, 3))

    def test_files(self, trained, tmp_path):
        with pytest.raises(FileNotFoundError, match='nowhere'):
            tool.main([trained[0], 'nowhere.pth', '--out', str(tmp_path)])
        with pytest.raises(ValueError, match='no network'):
            flags = ['--out', str(tmp_path), '--network', 'ensemble']
            tool.main([*trained, *flags])
        with pytest.raises(SystemExit):
            tool.main([*trained, '--out', str(tmp_path), '--joint-cutout', '0'])
