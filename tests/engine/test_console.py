"""The console keeps what matters, the file keeps everything."""

import logging
from uuid import uuid4

import pytest
from mmengine.logging import MMLogger

from mmpose_ext.engine.console import (
    CONSOLE,
    ConsoleFilter,
    shorten,
    show_what_matters,
)

TRAIN = (
    'Epoch(train)   [3][100/312]  base_lr: 5.000000e-04 lr: 5.000000e-04  eta: '
    '1 day, 0:03:12  time: 0.102000  data_time: 0.001000  memory: 812  '
    'grad_norm: 0.412300  loss: 0.123456  loss_pose: 0.100000'
)
VAL = (
    'Epoch(val) [3][25/25]    MPJPE: 45.123456  P-MPJPE: 30.000000  '
    'MPJPE/action/Walking: 40.000000  data_time: 0.002000  time: 0.030000'
)
BEST = (
    'The best checkpoint with 45.1235 MPJPE at 3 epoch is saved to '
    'best_MPJPE_epoch_3.pth.'
)


def record(message, level=logging.INFO, path='mmengine/runner/runner.py'):
    return logging.LogRecord('mmengine', level, path, 1, message, None, None)


def test_values():
    assert shorten(TRAIN, max_epochs=60) == (
        'train  epoch 3/60  100/312  eta 1 day, 0:03:12  loss 0.1235  loss_pose 0.1'
        '  lr 5.0e-04  memory 812 MB'
    )
    assert shorten(VAL) == 'val    epoch 3  MPJPE 45.12  P-MPJPE 30'
    assert shorten('Iter(train) [  50/9000]  lr: 1.0e-03  eta: 0:01:00  loss: 2.0') == (
        'train    50/9000  eta 0:01:00  loss 2  lr 1.0e-03'
    )
    assert shorten('Epoch(test) [5/5]    AP: 0.7') == 'test   AP 0.7'
    assert shorten(BEST) == (
        'best so far: MPJPE 45.12, saved as best_MPJPE_epoch_3.pth'
    )
    assert shorten('anything else: 3') == 'anything else: 3'


@pytest.mark.parametrize(
    ('message', 'shown'),
    [
        (TRAIN, True),
        (VAL, True),
        (BEST, True),
        ('Epoch(val) [3][10/25]  eta: 0:00:01  time: 0.1  data_time: 0.0', True),
        ('Epoch(val) [3][25/25]  eta: 0:00:00  time: 0.1  data_time: 0.0', False),
        ('Auto resumed from the latest checkpoint a.pth.', True),
        ('Hooks will be executed in the following order:', False),
        ('Saving checkpoint at 3 epochs', False),
        ('Config:\ndefault_scope = None', False),
    ],
)
def test_filter_of_information(message, shown):
    assert bool(ConsoleFilter().filter(record(message))) is shown


def test_filter_of_warnings_and_own_records():
    keep = ConsoleFilter()
    assert keep.filter(record('disk is full', logging.WARNING))
    noise = '"HardDiskBackend" is the alias of "LocalBackend" and the former'
    assert not keep.filter(record(noise, logging.WARNING))
    assert keep.filter(record(noise, logging.ERROR))
    # The module under test lies in the package, so its folder marks our records.
    assert keep.filter(
        record('a table', path=ConsoleFilter.filter.__code__.co_filename)
    )


def test_log_file_keeps_everything(tmp_path, capsys):
    path = tmp_path / 'run.log'
    logger = MMLogger(str(uuid4()), log_file=str(path))
    show_what_matters(logger, max_epochs=5)
    show_what_matters(logger, max_epochs=60)
    logger.info('a wall of text')
    logger.info('a summary', extra=CONSOLE)
    logger.info(TRAIN)
    logger.error('it broke')
    console = capsys.readouterr().out
    assert 'wall' not in console
    assert 'a summary' in console
    assert 'epoch 3/60' in console and 'grad_norm' not in console
    assert 'ERROR (test_console.py:' in console
    assert len(console.splitlines()) == 3
    text = path.read_text()
    assert 'a wall of text' in text and TRAIN in text and 'it broke' in text


def test_debug_shows_everything(capsys):
    logger = MMLogger(str(uuid4()), log_level='DEBUG')
    show_what_matters(logger)
    logger.info('a wall of text')
    assert 'a wall of text' in capsys.readouterr().out
