"""Noise and rehearsal of tasks, as configs say it."""

from pathlib import Path

import mmfi_format
import pytest
from mmengine.config import Config
from mmengine.registry import init_default_scope

from mmpose_ext.datasets.mmfi_conversion import convert_tree
from mmpose_ext.datasets.mmfi_layout import PROTOCOLS
from mmpose_ext.datasets.mmfi_tasks import read_tasks
from mmpose_ext.engine.continual.task_data import TaskData, check_noise, remembered

ROOT = Path(__file__).parents[3]
FRAMES = 2
DATASET = dict(modalities=('rgb', 'lidar', 'mmwave', 'wifi'))


def test_values():
    noise = check_noise(dict(order=('wifi', 'rgb'), ratio=0.2), 4, DATASET)
    assert noise['modalities'] == [None, 'wifi', 'rgb', 'wifi']
    explicit = check_noise(dict(modalities=('none', 'rgb'), ratio=0.2), 2, DATASET)
    assert explicit['modalities'] == [None, 'rgb']
    assert check_noise(None, 2, DATASET)['modalities'] == [None, None]
    single = check_noise(dict(order=('wifi',), ratio=0.2), 1, DATASET)
    assert single['modalities'] == [None]


def test_a_ratio_of_nothing_is_no_noise():
    for given in (dict(order=('wifi',)), dict(modalities=('none', 'wifi'))):
        assert check_noise(dict(ratio=0.0, **given), 2, DATASET)['modalities'] == [
            None,
            None,
        ]


def test_rehearsal():
    assert remembered(100, 5, seed=3) == remembered(100, 5, seed=3)
    assert set(remembered(10, 99, seed=0, among=[2, 4])) == {2, 4}


@pytest.mark.parametrize(
    ('noise', 'message'),
    [
        (dict(modalities=(None, 'rgb', 'rgb')), '3 entries for 2 tasks'),
        (dict(order=('rgb',), ratio=1.0), r'ratio=1.0 in \[0, 1\)'),
        (dict(order=('lidar',), ratio=0.2), r"noise on \['lidar'\]"),
        (dict(kind='raw', ratio=0.4), 'ratio=0.4, but no modality is named'),
        (dict(modalities=('none', None), ratio=0.4), 'no modality is named'),
        (dict(order=('rgb',), ration=0.4), r"no option \['ration'\]; it takes"),
    ],
    ids=str,
)
def test_invalid(noise, message):
    with pytest.raises(ValueError, match=message):
        check_noise(noise, 2, dict(modalities=('rgb', 'wifi')))


@pytest.fixture(scope='module')
def store(tmp_path_factory):
    """Every action of protocol 2 by one person."""
    root = tmp_path_factory.mktemp('mmfi')
    mmfi_format.write_tree(root / 'tree', ('S01',), actions=PROTOCOLS[2], frames=FRAMES)
    convert_tree(root / 'tree', root / 'store')
    return root / 'store'


def test_default_tasks_of_protocol_2(store):
    """Thirteen actions in six tasks, the last one of three; sensors fail in turn."""
    init_default_scope('mmpose')
    tasks = read_tasks(None, 2)
    config = Config.fromfile(ROOT / 'configs/mmfi/tasks_ours_synthetic.py')
    loader = config.train_dataloader
    loader.dataset.update(
        store=str(store),
        mmfi=None,
        protocol=2,
        split='manual',
        manual=dict(train=dict(subjects=['S01'], actions=list(PROTOCOLS[2]))),
        empty_radar='keep',
    )
    noise = dict(config.train_cfg.noise, ratio=0.4)
    data = TaskData(loader, tasks, noise)
    frames = {action: FRAMES + k % 2 for k, action in enumerate(PROTOCOLS[2])}
    assert data.sizes == [sum(frames[a] for a in actions) for actions in tasks]
    assert [data.modality(task) for task in range(6)] == [
        *(None, 'lidar', 'mmwave', 'wifi', 'rgb', 'lidar'),
    ]
    for task, actions in enumerate(tasks):
        sequences = {
            sample.sequence
            for batch in data.in_order(data.dataset(task))
            for sample in batch['data_samples']
        }
        assert {name[-3:] for name in sequences} == set(actions)
        noisy = round(0.4 * data.sizes[task]) if task else 0
        assert data.dataset(task).noisy.sum() == noisy
    assert {action for actions in tasks for action in actions} == set(PROTOCOLS[2])
