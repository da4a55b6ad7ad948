# PoSynDA on the motion capture, full size: T = 27, for a GPU. Train the source first:
#   python tools/train.py configs/posynda/d3dp_mocap_27.py
_base_ = [
    '../_base_/models/posynda.py',
    '../_base_/datasets/mocap_adaptation.py',
    '../_base_/schedules/mocap_adaptation.py',
]

windows = dict(seq_len=27, stride=9)
train_dataloader = dict(
    dataset=dict(datasets=[{**_base_.source, **windows}, {**_base_.target, **windows}])
)
val_dataloader = dict(dataset=dict(seq_len=27))
test_dataloader = val_dataloader
optim_wrapper = dict(optimizer=dict(lr=6e-5))
load_from = 'work_dirs/d3dp_mocap_27/iter_20000.pth'
