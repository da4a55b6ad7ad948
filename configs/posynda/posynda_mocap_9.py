# PoSynDA on the motion capture, small: from some people before Human3.6M's cameras to
# smaller ones before other cameras. Train the source first:
#   python tools/train.py configs/posynda/d3dp_mocap_9.py
# Other viewpoints alone, which augmentation cannot make: --cfg-options \
#     train_dataloader.dataset.datasets.1.store=data/mocap_target_view \
#     val_dataloader.dataset.store=data/mocap_target_view \
#     test_dataloader.dataset.store=data/mocap_target_view
_base_ = [
    '../_base_/models/posynda.py',
    '../_base_/datasets/mocap_adaptation.py',
    '../_base_/schedules/mocap_adaptation.py',
]

model = dict(
    backbone=dict(embed_dims=48, seq_len=9, depth=4, num_heads=3, drop_path_rate=0.0),
    head=dict(in_channels=48),
)
load_from = 'work_dirs/d3dp_mocap_9/iter_5000.pth'
