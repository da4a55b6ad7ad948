# One task after the other. The papers do not state epochs a task, schedule or gamma.
_base_ = '../default_runtime.py'

train_cfg = dict(
    _delete_=True,
    type='TaskIncrementalTrainLoop',
    epochs_per_task=20,
    noise=dict(kind='raw', ratio=0.2, seed=0, order=('lidar', 'mmwave', 'wifi', 'rgb')),
)
val_cfg = dict()
test_cfg = dict()

optim_wrapper = dict(optimizer=dict(type='Adam', lr=1e-3))
param_scheduler = [dict(type='StepLR', step_size=12, gamma=0.1, by_epoch=True, end=20)]
default_hooks = dict(checkpoint=dict(interval=1, save_best=None))
auto_scale_lr = dict(base_batch_size=192)
