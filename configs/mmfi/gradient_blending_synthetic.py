# Simulated sensors, small: Gradient Blending (CVPR 2020).
_base_ = './concat_synthetic.py'
model = dict(auxiliary_heads=True)
default_hooks = dict(blending=dict(**_base_.gradient_blending, super_epoch=2))
