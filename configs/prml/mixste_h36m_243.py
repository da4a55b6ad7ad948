# MixSTE on Human3.6M in camera space, CPN 2D, T = 243: its own recipe.
_base_ = [
    '../_base_/models/mixste.py',
    '../_base_/datasets/h36m_cpn.py',
    '../_base_/schedules/h36m.py',
]

model = dict(backbone=dict(seq_len=243))

# The public code trains 160 epochs on batches of 1024 frames.
train_dataloader = dict(batch_size=4)
train_cfg = dict(max_epochs=160)
optim_wrapper = dict(optimizer=dict(lr=4e-5, weight_decay=0.1))
param_scheduler = [dict(type='ExponentialLR', gamma=0.99, by_epoch=True, end=160)]
auto_scale_lr = dict(base_batch_size=4)
