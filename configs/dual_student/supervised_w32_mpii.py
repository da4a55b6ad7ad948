# Table 5, Sun et al.: HRNet-W32 on MPII's labels alone, PCKh@0.5.
_base_ = [
    '../_base_/models/hrnet_w32_mpii_heatmap.py',
    '../_base_/models/topdown.py',
    '../_base_/datasets/mpii_supervised.py',
    '../_base_/schedules/dual_student_iterations.py',
]
model = dict(**_base_.hrnet_w32, **_base_.topdown)
default_hooks = dict(checkpoint=dict(save_best='mean/PCK'))
