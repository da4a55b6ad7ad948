# Adaptation (PoSynDA, section 4.2): Adam 6e-5, batches of 4 source and 4 target
# windows. The paper does not say how long; 20,000 steps for every scenario are what 40
# passes of the released code through the windows of T = 27 of its target would be. The
# last checkpoint counts: to choose one by its score would use the 3D truth.
_base_ = '../default_runtime.py'

train_cfg = dict(by_epoch=False, max_iters=20_000, val_interval=20_000)
val_cfg = dict()
test_cfg = dict()

optim_wrapper = dict(optimizer=dict(type='Adam', lr=6e-5))
param_scheduler = [dict(type='ConstantLR', factor=1.0, by_epoch=False, end=20_000)]
default_hooks = dict(
    logger=dict(interval=100),
    checkpoint=dict(interval=2000, by_epoch=False, save_best=None),
)
log_processor = dict(by_epoch=False)
auto_scale_lr = dict(base_batch_size=8)
