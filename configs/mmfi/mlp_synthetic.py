# Simulated sensors, small: all four, fused by an MLP.
_base_ = './concat_synthetic.py'
model = dict(fusion=dict(type='MLPFusion', hidden_channels=128))
