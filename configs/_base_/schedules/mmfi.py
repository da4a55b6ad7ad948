# The papers' recipe: Adam 1e-3, x 0.1 every 30 of 50 epochs, batch 192.
_base_ = '../default_runtime.py'

train_cfg = dict(by_epoch=True, max_epochs=50, val_interval=5)
val_cfg = dict()
test_cfg = dict()

optim_wrapper = dict(optimizer=dict(type='Adam', lr=1e-3))
param_scheduler = [dict(type='StepLR', step_size=30, gamma=0.1, by_epoch=True, end=50)]
default_hooks = dict(
    checkpoint=dict(interval=1), contribution=dict(type='ShapleyContributionHook')
)
auto_scale_lr = dict(base_batch_size=192)
