import json
from types import SimpleNamespace

import matplotlib.image
import numpy as np
from mmengine.config import Config
from mmengine.logging import MessageHub
from mmengine.runner import Runner

from mmpose_ext.engine.hooks import LearningCurveHook


def runner_at(step, work_dir, losses=(), cfg=None):
    hub = MessageHub(f'curve_{step}')
    for loss in losses:
        hub.update_scalar('train/loss', loss)
        hub.update_scalar('train/loss_pose', loss / 2)
        hub.update_scalar('train/time', 1.0)
    return SimpleNamespace(
        iter=step, work_dir=str(work_dir), message_hub=hub, cfg=cfg or Config()
    )


def test_losses_end_at_the_last_step(tmp_path):
    curves = LearningCurveHook._losses(runner_at(7, tmp_path, [3.0, 2.0, 1.0]))
    assert list(curves) == ['loss'], 'the only part of a sum need not be drawn again'
    assert curves['loss'].steps.tolist() == [5, 6, 7]
    assert curves['loss'].values.tolist() == [3, 2, 1]


def test_resumed_run_keeps_earlier_points(tmp_path):
    first = LearningCurveHook()
    first.before_train(runner_at(0, tmp_path))
    for step, value in ((10, 5.0), (20, 4.0), (30, 3.0)):
        first.after_val_epoch(runner_at(step, tmp_path), dict(MPJPE=value, bad='x'))
    second = LearningCurveHook()
    second.before_train(runner_at(20, tmp_path))
    second.after_val_epoch(runner_at(30, tmp_path), dict(MPJPE=2.0))
    expected = {'MPJPE': [[10, 5.0], [20, 4.0], [30, 2.0]]}
    assert json.loads((tmp_path / 'learning_curve.json').read_text()) == expected
    fresh = LearningCurveHook()
    fresh.before_train(runner_at(0, tmp_path))
    assert fresh.points == {}


def test_choice_of_metrics(tmp_path):
    hook = LearningCurveHook()
    hook.points = {'A': [[1, 2.0]], 'B': [[1, 3.0]]}
    assert list(hook._metric_curves(runner_at(1, tmp_path))) == ['A']
    cfg = Config(dict(default_hooks=dict(checkpoint=dict(save_best=['B', 'C']))))
    assert list(hook._metric_curves(runner_at(1, tmp_path, cfg=cfg))) == ['B']
    hook.metrics = ('A', 'B')
    assert list(hook._metric_curves(runner_at(1, tmp_path, cfg=cfg))) == ['A', 'B']


def test_in_runner(trained, tiny_config, tmp_path):
    picture = trained.work_dir / 'learning_curve.png'
    assert matplotlib.image.imread(picture).shape == (720, 960, 4)
    hook = next(h for h in trained.runner.hooks if isinstance(h, LearningCurveHook))
    assert [step for step, _ in hook.points['MPJPE']] == [9, 18]

    cfg = tiny_config(
        tmp_path,
        resume=True,
        load_from=str(trained.work_dir / 'epoch_2.pth'),
        # The hook would remove the best checkpoint of the run it resumes.
        **{'train_cfg.max_epochs': 3, 'default_hooks.checkpoint.save_best': None},
    )
    (tmp_path / 'learning_curve.json').write_text(
        (trained.work_dir / 'learning_curve.json').read_text()
    )
    runner = Runner.from_cfg(cfg)
    runner.train()
    hook = next(h for h in runner.hooks if isinstance(h, LearningCurveHook))
    assert [step for step, _ in hook.points['MPJPE']] == [9, 18, 27]
    steps = hook._losses(runner)['loss'].steps
    np.testing.assert_array_equal(steps, np.arange(1, 28))
