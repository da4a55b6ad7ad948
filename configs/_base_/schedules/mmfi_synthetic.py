# One budget for every method on simulated sensors; the drop comes after 60 % of the
# epochs and the window of a constraint is 40 % of them, as in the papers' recipe.
_base_ = './mmfi.py'

train_cfg = dict(max_epochs=10, val_interval=10)
param_scheduler = [dict(type='StepLR', step_size=6, gamma=0.1, by_epoch=True, end=10)]
default_hooks = dict(logger=dict(interval=20))
auto_scale_lr = dict(base_batch_size=64)
