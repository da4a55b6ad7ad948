# MM-Fi, all four sensors: Adaptive weight constraint (Peng et al., CVPR 2026).
_base_ = './concat.py'
model = dict(constraint=dict(type='WeightConstraintLoss'))
default_hooks = dict(fisher=dict(**_base_.awc, window=20))
