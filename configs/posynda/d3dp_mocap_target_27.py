# The upper bound of adaptation on the motion capture, full size: d3dp_mocap_27 goes on
# with the labels of those target people of whom adaptation sees the 2D.
_base_ = [
    '../_base_/models/diffusion_mixste.py',
    '../_base_/datasets/mocap_target.py',
    '../_base_/schedules/mocap_adaptation.py',
]

data = dict(seq_len=27)
train_dataloader = dict(dataset=dict(**data, stride=9))
val_dataloader = dict(dataset=data)
test_dataloader = val_dataloader
optim_wrapper = dict(optimizer=dict(lr=6e-5))
load_from = 'work_dirs/d3dp_mocap_27/iter_20000.pth'
