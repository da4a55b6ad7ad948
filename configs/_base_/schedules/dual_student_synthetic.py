# One budget for every method on rendered people: steps, batch and drops.
_base_ = '../runtime_2d.py'

train_cfg = dict(by_epoch=False, max_iters=6000, val_interval=1500)
val_cfg = dict()
test_cfg = dict()

optim_wrapper = dict(type='Bf16OptimWrapper', optimizer=dict(type='Adam', lr=1e-3))
param_scheduler = [
    dict(
        type='MultiStepLR', milestones=[4200, 5400], gamma=0.1, by_epoch=False, end=6000
    )
]
default_hooks = dict(
    logger=dict(interval=100), checkpoint=dict(interval=500, by_epoch=False)
)
log_processor = dict(by_epoch=False)
