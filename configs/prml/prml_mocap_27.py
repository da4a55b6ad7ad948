# PrML on real motion at T = 27, width 128, for a GPU.
_base_ = './prml_mocap_9.py'

model = dict(
    backbone=dict(
        embed_dims=128, seq_len=27, num_heads=8, mlp_ratio=4, depth_2d=4, depth_d=4
    ),
    neck=dict(embed_dims=128, seq_len=27, num_heads=8, mlp_ratio=4),
    head=dict(in_channels=128, hidden_dims=512),
)
train_dataloader = dict(num_workers=4, dataset=dict(seq_len=27, stride=9))
val_dataloader = dict(num_workers=4, dataset=dict(seq_len=27))
test_dataloader = val_dataloader

train_cfg = dict(max_iters=20000, val_interval=5000)
optim_wrapper = dict(optimizer=dict(lr=5e-4))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.05, by_epoch=False, begin=0, end=500),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=500, end=20000, eta_min=1e-6),
]
