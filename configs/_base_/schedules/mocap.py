# One budget for every model on the motion capture: steps, batch and cosine schedule.
_base_ = '../default_runtime.py'

train_cfg = dict(by_epoch=False, max_iters=5000, val_interval=5000)
val_cfg = dict()
test_cfg = dict()

optim_wrapper = dict(
    optimizer=dict(type='AdamW', lr=2e-3, weight_decay=0.01),
    clip_grad=dict(max_norm=1.0),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.05, by_epoch=False, begin=0, end=200),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=200, end=5000, eta_min=1e-6),
]
default_hooks = dict(
    logger=dict(interval=100),
    checkpoint=dict(interval=1000, by_epoch=False),
)
log_processor = dict(by_epoch=False)
auto_scale_lr = dict(base_batch_size=32)
