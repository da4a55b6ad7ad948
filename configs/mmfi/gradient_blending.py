# MM-Fi, all four sensors: Gradient Blending (CVPR 2020).
_base_ = './concat.py'
model = dict(auxiliary_heads=True)
default_hooks = dict(blending=dict(**_base_.gradient_blending, super_epoch=10))
