# VideoPose3D on subject S1 of Human3.6M, scored on others, ground-truth 2D (Table 1,
# source only). Supervised by the people that PoSynDA adapts to:
#   --cfg-options train_dataloader.dataset.subjects="['S1','S5','S6']"
_base_ = [
    '../_base_/models/videopose3d.py',
    '../_base_/datasets/h36m_s1.py',
    '../_base_/schedules/d3dp.py',
]

data = dict(seq_len=27, stride=27)
train_dataloader = dict(batch_size=36, dataset=data)
val_dataloader = dict(dataset=data)
test_dataloader = val_dataloader
auto_scale_lr = dict(base_batch_size=36)
