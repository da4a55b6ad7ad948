# Rendered people, small: labelled people alone.
#   python tools/train.py configs/dual_student/supervised_synthetic.py
_base_ = [
    '../_base_/models/resnet18_small_heatmap.py',
    '../_base_/models/topdown.py',
    '../_base_/datasets/synthetic_coco_supervised.py',
    '../_base_/schedules/dual_student_synthetic.py',
]
model = dict(**_base_.narrow_resnet18, **_base_.topdown)
auto_scale_lr = dict(base_batch_size=8)
