# Adaptation (PoSynDA, section 4.2): Adam 6e-5, batches of 4 source and 4 target
# windows. The paper does not say how long; the released code runs 40 epochs of the
# target. The last checkpoint counts: to choose one by its score would use the 3D truth.
_base_ = '../default_runtime.py'

train_cfg = dict(by_epoch=True, max_epochs=40, val_interval=40)
val_cfg = dict()
test_cfg = dict()

optim_wrapper = dict(optimizer=dict(type='Adam', lr=6e-5))
param_scheduler = [dict(type='ConstantLR', factor=1.0, by_epoch=True, end=40)]
default_hooks = dict(checkpoint=dict(save_best=None))
auto_scale_lr = dict(base_batch_size=8)
