# Simulated sensors, small: all four, fused by self-attention.
_base_ = './concat_synthetic.py'
model = dict(fusion=dict(type='AttentionFusion', embed_dims=64, num_heads=4))
