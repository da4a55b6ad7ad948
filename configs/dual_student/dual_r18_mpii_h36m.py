# Table 6, Ours: MPII with its labels, Human3.6M's images without; scored on Human3.6M
# after triangulation.
#   python tools/train.py configs/dual_student/dual_r18_mpii_h36m.py --amp
#   python tools/test.py configs/dual_student/dual_r18_mpii_h36m.py CHECKPOINT
_base_ = [
    '../_base_/models/resnet18_mpii_heatmap.py',
    '../_base_/models/easy_hard_mpii.py',
    '../_base_/datasets/mpii_h36m.py',
    '../_base_/schedules/dual_student.py',
]
model = dict(
    type='DualStudent',
    students=[_base_.resnet18, _base_.other_resnet18],
    occlusions=_base_.joint_cutout,
)
default_hooks = dict(checkpoint=dict(save_best='mean/PCK'))
