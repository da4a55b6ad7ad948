# The GAN of PoSynDA's Table 5 in the same loop: a generator changes source poses so
# that their 2D looks like the target's; no teacher, no hypotheses. Train the source:
#   python tools/train.py configs/posynda/d3dp_h36m_27.py
_base_ = './posynda_h36m_to_3dhp_27.py'

model = dict(
    type='GANAdaptationLifter',
    train_cfg=dict(_delete_=True, setting='inductive', flip_prob=0.5),
)
optim_wrapper = dict(
    _delete_=True,
    constructor='PartsOptimWrapperConstructor',
    lifter=dict(optimizer=dict(type='Adam', lr=6e-5)),
    generator=dict(optimizer=dict(type='Adam', lr=1e-4, betas=(0.5, 0.9))),
    discriminator=dict(optimizer=dict(type='Adam', lr=1e-4, betas=(0.5, 0.9))),
)
