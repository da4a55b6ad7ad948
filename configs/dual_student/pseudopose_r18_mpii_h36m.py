# Table 6, PseudoPose: the network of supervised_r18_mpii.py teaches on Human3.6M.
_base_ = [
    '../_base_/models/resnet18_mpii_heatmap.py',
    '../_base_/models/easy_hard_mpii.py',
    '../_base_/datasets/mpii_h36m.py',
    '../_base_/schedules/dual_student.py',
]
model = dict(
    type='ConsistencyStudent',
    student=_base_.resnet18,
    teacher=dict(
        type='FrozenTeacher',
        checkpoint='work_dirs/supervised_r18_mpii/iter_468200.pth',
    ),
)
default_hooks = dict(checkpoint=dict(save_best='mean/PCK'))
