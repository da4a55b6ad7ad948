# The first run: a small PrML on synthetic people, whose data it makes on first use.
#   python tools/train.py configs/prml/prml_synthetic_9.py
_base_ = './prml_mocap_9.py'

model = dict(backbone=dict(depth_2d=1, depth_d=1))

people = dict(store='data/synthetic_human36m', synthetic=dict())

train_dataloader = dict(dataset=people)
val_dataloader = dict(dataset=people)
test_dataloader = val_dataloader
val_evaluator = dict(group_by=('action',))
test_evaluator = val_evaluator

train_cfg = dict(max_iters=1100, val_interval=1100)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.05, by_epoch=False, begin=0, end=100),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=100, end=1100, eta_min=1e-6),
]
default_hooks = dict(checkpoint=dict(interval=1100), logger=dict(interval=50))
