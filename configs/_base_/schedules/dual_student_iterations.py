# The steps that 100 epochs over COCO TRAIN take at 32 unlabelled people a step, for
# training without unlabelled images: 149,813 / 32 = 4,682 steps an epoch.
_base_ = '../runtime_2d.py'

train_cfg = dict(by_epoch=False, max_iters=468200, val_interval=23410)
val_cfg = dict()
test_cfg = dict()

optim_wrapper = dict(optimizer=dict(type='Adam', lr=1e-3))
param_scheduler = [
    dict(
        type='MultiStepLR',
        milestones=[327740, 421380],
        gamma=0.1,
        by_epoch=False,
        end=468200,
    )
]
default_hooks = dict(checkpoint=dict(interval=4682, by_epoch=False))
log_processor = dict(by_epoch=False)
auto_scale_lr = dict(base_batch_size=32)
