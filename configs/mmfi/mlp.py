# MM-Fi, all four sensors, fused by an MLP.
_base_ = './concat.py'
model = dict(fusion=dict(type='MLPFusion'))
