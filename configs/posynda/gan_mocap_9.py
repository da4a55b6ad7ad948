# The GAN of PoSynDA's Table 5 in the same loop, on the motion capture, small. Train the
# source first:
#   python tools/train.py configs/posynda/d3dp_mocap_9.py
_base_ = './posynda_mocap_9.py'

model = dict(
    type='GANAdaptationLifter',
    train_cfg=dict(_delete_=True, setting='inductive', flip_prob=0.5),
)
optim_wrapper = dict(
    _delete_=True,
    constructor='PartsOptimWrapperConstructor',
    lifter=dict(optimizer=dict(type='Adam', lr=1e-3)),
    generator=dict(optimizer=dict(type='Adam', lr=1e-4, betas=(0.5, 0.9))),
    discriminator=dict(optimizer=dict(type='Adam', lr=1e-4, betas=(0.5, 0.9))),
)
