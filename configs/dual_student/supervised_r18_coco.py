# Table 1, Supervised: labelled people alone.
#   python tools/train.py configs/dual_student/supervised_r18_coco.py
# 5K, 10K, 20K labels: --cfg-options train_dataloader.dataset.num_instances=5000
# All: --cfg-options train_dataloader.dataset.num_instances=None
# With hard augmentation: supervised_hard_r18_coco.py
_base_ = [
    '../_base_/models/resnet18_heatmap.py',
    '../_base_/models/topdown.py',
    '../_base_/datasets/coco_supervised.py',
    '../_base_/schedules/dual_student_iterations.py',
]
model = dict(**_base_.resnet18, **_base_.topdown)
