# Rendered people, small: one student teaches itself, from easy views to hard ones.
#   python tools/train.py configs/dual_student/single_synthetic.py
_base_ = [
    '../_base_/models/resnet18_small_heatmap.py',
    '../_base_/models/easy_hard.py',
    '../_base_/datasets/synthetic_coco_semi.py',
    '../_base_/schedules/dual_student_synthetic.py',
]
model = dict(type='ConsistencyStudent', student=_base_.narrow_resnet18)
auto_scale_lr = dict(base_batch_size=16)
