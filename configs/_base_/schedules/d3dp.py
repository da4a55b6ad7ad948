# D3DP's recipe: AdamW 6e-5, x0.993 an epoch, 400 epochs, batches of 972 frames. The
# last checkpoint counts: to choose one by its score on another domain would use its 3D.
_base_ = '../default_runtime.py'

train_cfg = dict(by_epoch=True, max_epochs=400, val_interval=10)
val_cfg = dict()
test_cfg = dict()

optim_wrapper = dict(optimizer=dict(type='AdamW', lr=6e-5, weight_decay=0.1))
param_scheduler = [dict(type='ExponentialLR', gamma=0.993, by_epoch=True, end=400)]
default_hooks = dict(checkpoint=dict(save_best=None))
