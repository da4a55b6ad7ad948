# Rendered people, small: two students teach each other.
_base_ = [
    '../_base_/models/resnet18_small_heatmap.py',
    '../_base_/models/easy_hard.py',
    '../_base_/datasets/synthetic_coco_semi.py',
    '../_base_/schedules/dual_student_synthetic.py',
]
model = dict(
    type='DualStudent', students=[_base_.narrow_resnet18, _base_.narrow_resnet18]
)
auto_scale_lr = dict(base_batch_size=16)
