# MM-Fi, all four sensors, fused by self-attention.
_base_ = './concat.py'
model = dict(fusion=dict(type='AttentionFusion'))
