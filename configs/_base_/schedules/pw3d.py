# MotionBERT's recipe for 3DPW from scratch: AdamW 1e-4, x0.98 an epoch, batch 128, 60
# epochs. It trains on Human3.6M and COCO besides, which these configs do not.
_base_ = '../default_runtime.py'

train_cfg = dict(by_epoch=True, max_epochs=60, val_interval=1)
val_cfg = dict()
test_cfg = dict()

optim_wrapper = dict(optimizer=dict(type='AdamW', lr=1e-4, weight_decay=0.01))
param_scheduler = [dict(type='ExponentialLR', gamma=0.98, by_epoch=True, end=60)]
auto_scale_lr = dict(base_batch_size=128)
