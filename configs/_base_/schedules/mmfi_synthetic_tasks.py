# One budget for every method on simulated sensors.
_base_ = './mmfi_tasks.py'

train_cfg = dict(epochs_per_task=5)
param_scheduler = [dict(type='StepLR', step_size=4, gamma=0.1, by_epoch=True, end=5)]
default_hooks = dict(logger=dict(interval=20))
auto_scale_lr = dict(base_batch_size=16)
