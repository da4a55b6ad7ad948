# posynda_mocap_9.py on the 2D of the very people that are scored.
_base_ = './posynda_mocap_9.py'

model = dict(train_cfg=dict(setting='transductive'))
train_dataloader = dict(
    dataset=dict(datasets=[_base_.source, {**_base_.target, 'split': 'test'}])
)
