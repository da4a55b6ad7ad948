# D3DP on the source people of the motion capture, small: T = 9, width 48, 4 pairs of
# layers. Scored on the target's people, without adaptation.
_base_ = [
    '../_base_/models/diffusion_mixste.py',
    '../_base_/datasets/mocap_source.py',
    '../_base_/schedules/mocap.py',
]

model = dict(
    backbone=dict(embed_dims=48, seq_len=9, depth=4, num_heads=3, drop_path_rate=0.0),
    head=dict(in_channels=48),
)
default_hooks = dict(checkpoint=dict(save_best=None))
