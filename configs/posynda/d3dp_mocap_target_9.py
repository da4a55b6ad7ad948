# The upper bound of adaptation on the motion capture: d3dp_mocap_9 goes on with the
# labels of those target people of whom adaptation sees the 2D, all weights, as many
# steps. Train the source first:
#   python tools/train.py configs/posynda/d3dp_mocap_9.py
_base_ = [
    '../_base_/models/diffusion_mixste.py',
    '../_base_/datasets/mocap_target.py',
    '../_base_/schedules/mocap_adaptation.py',
]

model = dict(
    backbone=dict(embed_dims=48, seq_len=9, depth=4, num_heads=3, drop_path_rate=0.0),
    head=dict(in_channels=48),
)
load_from = 'work_dirs/d3dp_mocap_9/iter_5000.pth'
