"""CollapseMonitorHook on synthetic responses, and in a run of tiny students."""

import json
import logging
from types import SimpleNamespace

import matplotlib.image
import pytest
import torch
from mmengine.config import Config
from mmengine.logging import MessageHub
from mmengine.model import BaseModel
from mmengine.runner import Runner

from mmpose_ext.engine.checkpoints import load_checkpoint
from mmpose_ext.engine.hooks import CollapseMonitorHook

NAMES = ('response_labelled', 'response_teacher', 'response_student')


class Run:
    """A stand-in for the runner: feeds responses, step by step."""

    def __init__(self, work_dir, name, hub=None):
        self.hub = hub or MessageHub(name)
        self.saved = []
        self.runner = SimpleNamespace(
            iter=0,
            work_dir=str(work_dir),
            message_hub=self.hub,
            logger=logging.getLogger(name),
            cfg=Config(dict(default_hooks=dict(checkpoint=dict(save_best='mean/AP')))),
            save_checkpoint=lambda folder, file, **options: self.saved.append(
                (folder, file, options)
            ),
        )

    def feed(self, hook, rows):
        for row in rows:
            outputs = dict(zip(NAMES, row, strict=True), loss=1.0)
            for key, value in outputs.items():
                self.hub.update_scalar(f'train/{key}', value)
            hook.after_train_iter(self.runner, 0, None, outputs)
            self.runner.iter += 1


def responses(steps, ratio, *, labelled=0.6, gap=0.05):
    return [(labelled, labelled * ratio, labelled * ratio - gap)] * steps


HEALTHY = responses(100, 0.7)
FALLEN = responses(100, 0.2, gap=-0.01)


def started(tmp_path, name, **options):
    hook = CollapseMonitorHook(**{**dict(interval=10, burn_in=20), **options})
    run = Run(tmp_path, name)
    hook.before_train(run.runner)
    return hook, run


def warnings_in(caplog):
    return [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]


def test_warns_once_a_collapse(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    hook, run = started(tmp_path, 'twice')
    run.feed(hook, [*HEALTHY, *FALLEN, *FALLEN])
    (text,) = warnings_in(caplog)
    assert 'at step 140 heatmaps of the teacher are 0.40 times' in text
    assert 'after 0.70 at step 30 (threshold: 0.6' in text
    assert 'The teacher still sees more than the student (+0.015)' in text
    assert 'model.detach' in text and 'collapse.png' in text
    run.feed(hook, [*HEALTHY, *HEALTHY, *FALLEN])
    assert len(warnings_in(caplog)) == 2
    assert [event for _, event in hook.history['events']] == [
        'collapse',
        'recovery',
        'collapse',
    ]
    assert any('has recovered at step' in r.getMessage() for r in caplog.records)


def test_second_sign(tmp_path, caplog):
    hook, run = started(tmp_path, 'gap')
    run.feed(hook, responses(100, 0.7, gap=-0.01) + FALLEN)
    assert 'does not see more than the student, either (-0.010)' in caplog.text


def test_healthy(tmp_path, caplog):
    hook, run = started(tmp_path, 'healthy')
    run.feed(hook, [*HEALTHY, *responses(200, 0.5)])
    assert not warnings_in(caplog) and not hook.history['events']


def test_samples_are_means(tmp_path):
    """A sample is the mean of the steps since the one before."""
    hook, run = started(tmp_path, 'means', interval=2, burn_in=0)
    run.feed(hook, [(0.4, 0.2, 0.1), (0.6, 0.4, 0.1), (1.0, 1.0, 1.0)])
    assert hook.history['steps'] == [2]
    assert hook.history['labelled'] == [pytest.approx(0.5)]
    assert hook.history['teacher'] == [pytest.approx(0.3)]
    assert hook.history['rho'] == [pytest.approx(0.6)]


def test_files(tmp_path):
    hook, run = started(tmp_path, 'files')
    run.feed(hook, [*HEALTHY, *FALLEN])
    hook.after_val_epoch(run.runner, {'mean/AP': 0.25, 'student0/AP': 0.3})
    content = json.loads((tmp_path / 'collapse.json').read_text())
    assert content['steps'] == list(range(10, 201, 10))
    assert content['rho'][:3] == [None, None, pytest.approx(0.7)]
    assert content['validation'] == [[200, 0.25]] and content['metric'] == 'mean/AP'
    assert content['events'] == [[140, 'collapse']]
    assert content['rule']['threshold'] == 0.6 and content['interval'] == 10
    assert matplotlib.image.imread(tmp_path / 'collapse.png').shape == (720, 960, 4)
    (tmp_path / 'collapse.png').unlink()
    hook.after_train(run.runner)
    assert (tmp_path / 'collapse.png').is_file()
    assert run.hub.get_info('pictures') == [str(tmp_path / 'collapse.png')]


def test_no_responses(tmp_path, caplog):
    hook, run = started(tmp_path, 'supervised', interval=1)
    hook.after_train_iter(run.runner, 0, None, dict(loss=1.0))
    hook.after_val_epoch(run.runner, {'mean/AP': 0.2})
    hook.after_train(run.runner)
    assert not list(tmp_path.iterdir()) and not caplog.records


def test_resumed(tmp_path, caplog):
    """The state travels through the message hub, which checkpoints hold."""
    rows = [*HEALTHY, *FALLEN, *HEALTHY, *FALLEN]
    hook, run = started(tmp_path / 'whole', 'whole')
    run.feed(hook, rows)
    for cut in (55, 125, 160, 310):
        first, before = started(tmp_path / 'cut', f'cut {cut}')
        before.feed(first, rows[:cut])
        hub = MessageHub(f'resumed {cut}')
        hub.load_state_dict(before.hub.state_dict())
        after = Run(tmp_path / 'cut', f'after {cut}', hub)
        after.runner.iter = cut
        second = CollapseMonitorHook(interval=10, burn_in=20)
        second.before_train(after.runner)
        after.feed(second, rows[cut:])
        assert second.history == hook.history
        assert second.detector == hook.detector


def test_fresh_run_starts_anew(tmp_path):
    hook, run = started(tmp_path, 'fresh')
    run.feed(hook, HEALTHY)
    run.runner.iter = 0
    hook.before_train(run.runner)
    assert not hook.history['steps'] and hook.detector.rho is None


def test_stop(tmp_path):
    hook, run = started(tmp_path, 'stop', stop=True)
    with pytest.raises(RuntimeError, match='collapsed_iter_140.pth') as error:
        run.feed(hook, [*HEALTHY, *FALLEN])
    assert 'heatmaps of the teacher are 0.40 times' in str(error.value)
    assert run.saved == [(str(tmp_path), 'collapsed_iter_140.pth', {'by_epoch': False})]
    assert (tmp_path / 'collapse.png').is_file()
    # Who resumes in spite of it is not stopped by the same collapse.
    again = CollapseMonitorHook(interval=10, burn_in=20, stop=True)
    run.runner.iter = 140
    again.before_train(run.runner)
    run.feed(again, FALLEN)


class Scripted(BaseModel):
    """Trains one number, and returns the responses of a script."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))

    def forward(self, inputs, mode):
        step = MessageHub.get_current_instance().get_info('iter')
        values = (HEALTHY if step < 100 else FALLEN)[0]
        made = {key: torch.tensor(v) for key, v in zip(NAMES, values, strict=True)}
        return dict(loss=(inputs.sum() - self.weight).square().sum(), **made)


def scripted_runner(work_dir, **options):
    work_dir.mkdir(exist_ok=True)
    hook = dict(type='CollapseMonitorHook', interval=10, burn_in=20, stop=True)
    return Runner(
        model=Scripted(),
        work_dir=str(work_dir),
        train_dataloader=dict(
            batch_size=1,
            dataset=[dict(inputs=torch.ones(1)) for _ in range(8)],
            sampler=dict(type='InfiniteSampler', shuffle=False),
            collate_fn=dict(type='default_collate'),
        ),
        train_cfg=dict(by_epoch=False, max_iters=160),
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.1)),
        param_scheduler=dict(type='ExponentialLR', gamma=0.99, by_epoch=False),
        default_hooks=dict(checkpoint=None, logger=None, monitor=hook),
        default_scope='mmpose',
        experiment_name=f'{work_dir.name}_{len(options)}',
        **options,
    )


def test_in_runner(tmp_path):
    """Stops, saves what can be read safely, and goes on from there if it must."""
    with pytest.raises(RuntimeError, match='collapsed_iter_140'):
        scripted_runner(tmp_path / 'run').train()
    file = tmp_path / 'run' / 'collapsed_iter_140.pth'
    saved = load_checkpoint(file)
    assert saved['meta']['iter'] == 140
    # One step of the schedule for each step of the training.
    assert saved['param_schedulers'][0]['_global_step'] == 140
    runner = scripted_runner(tmp_path / 'run', load_from=str(file), resume=True)
    runner.train()
    assert runner.iter == 160
    content = json.loads((tmp_path / 'run' / 'collapse.json').read_text())
    assert content['steps'] == list(range(10, 161, 10))
    assert content['events'] == [[140, 'collapse']]
    # MMEngine's first step of this schedule changes nothing.
    assert runner.optim_wrapper.get_lr()['lr'][0] == pytest.approx(0.1 * 0.99**159)


def test_nan_is_left_out(tmp_path):
    hook, run = started(tmp_path, 'nan', interval=1, burn_in=0)
    run.feed(hook, [(0.5, 0.4, 0.3), (0.5, float('nan'), 0.3), (0.5, 0.4, 0.3)])
    assert hook.history['steps'] == [1, 3]


def test_invalid():
    with pytest.raises(ValueError, match='interval'):
        CollapseMonitorHook(interval=0)
    with pytest.raises(ValueError, match='threshold'):
        CollapseMonitorHook(threshold=2)
