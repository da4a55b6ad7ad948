# Adaptation on the motion capture: 1000 steps of 16 pairs. The last checkpoint counts.
_base_ = '../default_runtime.py'

train_cfg = dict(by_epoch=False, max_iters=1000, val_interval=1000)
val_cfg = dict()
test_cfg = dict()

optim_wrapper = dict(optimizer=dict(type='Adam', lr=1e-3))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.05, by_epoch=False, begin=0, end=50),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=50, end=1000, eta_min=1e-6),
]
default_hooks = dict(
    logger=dict(interval=50),
    checkpoint=dict(interval=500, by_epoch=False, save_best=None),
)
log_processor = dict(by_epoch=False)
auto_scale_lr = dict(base_batch_size=32)
