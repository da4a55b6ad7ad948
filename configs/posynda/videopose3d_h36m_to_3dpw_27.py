# VideoPose3D on Human3.6M, scored on 3DPW, T = 27 (Table 4, source only).
# Supervised by the target's training set:
#   --cfg-options train_dataloader.dataset.store=data/pw3d
_base_ = [
    '../_base_/models/videopose3d.py',
    '../_base_/datasets/h36m_to_3dpw.py',
    '../_base_/schedules/d3dp.py',
]

auto_scale_lr = dict(base_batch_size=36)
