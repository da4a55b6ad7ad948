from pathlib import Path
from types import SimpleNamespace

from mmengine.config import Config
from mmengine.logging import MessageHub
from torch import nn

from mmpose_ext.engine.hooks.run_summary_hook import (
    _datasets,
    _describe_model,
    as_table,
    end_summary,
    register_picture,
)


def test_table():
    rows = [('config', 'a.py'), ('train', 'one\n  two'), ('train', 'three')]
    assert as_table(rows).splitlines() == [
        '',
        'config  a.py',
        'train   one',
        '          two',
        '        three',
    ]


def test_model_with_frozen_part():
    model = nn.Sequential(nn.Linear(9, 100), nn.Linear(100, 1000))
    model[0].requires_grad_(False)
    assert _describe_model(model) == ('Sequential, 0.10 M parameters (0.10 M trained)')
    assert _describe_model(nn.Linear(3, 4)) == 'Linear, 16 parameters'


def test_wrapped_datasets():
    plain, other = ['a'], SimpleNamespace(summary=lambda: 'x', dataset=['hidden'])
    both = SimpleNamespace(datasets=[plain, SimpleNamespace(dataset=other)])
    assert list(_datasets(both)) == [plain, other]


def test_pictures_are_listed_once_and_not_resumed(tmp_path):
    hub = MessageHub('pictures')
    runner = SimpleNamespace(
        message_hub=hub,
        _train_loop=None,
        logger=SimpleNamespace(log_file='run.log'),
        log_dir=tmp_path,
        cfg=Config(),
    )
    for _ in range(2):
        register_picture(runner, tmp_path / 'a.png')
    rows = end_summary(runner)
    assert [name for name, _ in rows] == ['log', 'picture']
    assert 'pictures' not in hub.state_dict()['runtime_info']


def test_in_runner(trained):
    start, _, end = trained.console.partition('train  epoch 1/2')
    for expected in (
        'tiny_lifting.py',
        'SequenceLifter, 2,669 parameters',
        'cpu, full precision',
        '2 epochs of 9 steps, batch 8',
        '72 windows of 3 frames',
        '1 subjects: S3',
    ):
        assert expected in start
    rows = end.splitlines()[-10:]
    places = [Path(word) for row in rows for word in row.split() if '/' in word]
    names = {path.name for path in places if path.exists()}
    assert names >= {
        'epoch_2.pth',
        'scalars.json',
        'learning_curve.png',
        'poses.png',
    }
    assert any(name.startswith('best_MPJPE') for name in names)
    log = next(trained.work_dir.glob('*/*.log')).read_text()
    assert 'SequenceLifter, 2,669 parameters' in log
    assert 'Hooks will be executed' in log
