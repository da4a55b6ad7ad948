# Simulated sensors, small: Adaptive weight constraint (Peng et al., CVPR 2026).
_base_ = './concat_synthetic.py'
model = dict(constraint=dict(type='WeightConstraintLoss'))
default_hooks = dict(
    fisher={**_base_.awc, 'window': 4, 'estimator': 'per_sample', 'num_batches': 16}
)
