# PrML's recipe for Human3.6M: AdamW 5e-4, x0.99 an epoch, 90 epochs.
_base_ = '../default_runtime.py'

train_cfg = dict(by_epoch=True, max_epochs=90, val_interval=1)
val_cfg = dict()
test_cfg = dict()

optim_wrapper = dict(optimizer=dict(type='AdamW', lr=5e-4, weight_decay=0.01))
param_scheduler = [dict(type='ExponentialLR', gamma=0.99, by_epoch=True, end=90)]
auto_scale_lr = dict(base_batch_size=16)
