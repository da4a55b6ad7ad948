# D3DP on the source people of the motion capture, full size: T = 27, for a GPU.
_base_ = [
    '../_base_/models/diffusion_mixste.py',
    '../_base_/datasets/mocap_source.py',
    '../_base_/schedules/mocap.py',
]

data = dict(seq_len=27)
train_dataloader = dict(dataset=dict(**data, stride=9))
val_dataloader = dict(dataset=data)
test_dataloader = val_dataloader
train_cfg = dict(max_iters=20_000, val_interval=20_000)
optim_wrapper = dict(optimizer=dict(lr=6e-5))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.05, by_epoch=False, begin=0, end=200),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=200, end=20_000, eta_min=1e-7),
]
default_hooks = dict(checkpoint=dict(interval=2000, save_best=None))
