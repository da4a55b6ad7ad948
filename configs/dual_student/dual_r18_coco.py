# Table 1, Ours (Dual), A: two students that start from different ImageNet weights.
#   python tools/train.py configs/dual_student/dual_r18_coco.py --amp
# 5K labels: --cfg-options train_dataloader.dataset.labelled.num_instances=5000
_base_ = [
    '../_base_/models/resnet18_heatmap.py',
    '../_base_/models/easy_hard.py',
    '../_base_/datasets/coco_semi.py',
    '../_base_/schedules/dual_student.py',
]
model = dict(type='DualStudent', students=[_base_.resnet18, _base_.other_resnet18])
