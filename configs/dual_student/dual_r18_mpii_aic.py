# Tables 7 and 8, Ours, pre-training: MPII with its labels, AI Challenger without.
#   python tools/train.py configs/dual_student/dual_r18_mpii_aic.py --amp
#   python tools/train.py configs/dual_student/finetune_r18_h36m.py --amp
_base_ = [
    '../_base_/models/resnet18_mpii_heatmap.py',
    '../_base_/models/easy_hard_mpii.py',
    '../_base_/datasets/mpii_semi.py',
    '../_base_/schedules/dual_student.py',
]
model = dict(
    type='DualStudent',
    students=[_base_.resnet18, _base_.other_resnet18],
    occlusions=_base_.joint_cutout,
)
default_hooks = dict(checkpoint=dict(save_best='mean/PCK'))
