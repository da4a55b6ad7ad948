# Table 1, Ours (Single), A: the student teaches itself, from easy views to hard ones.
#   python tools/train.py configs/dual_student/single_r18_coco.py --amp
# 5K labels: --cfg-options train_dataloader.dataset.labelled.num_instances=5000
_base_ = [
    '../_base_/models/resnet18_heatmap.py',
    '../_base_/models/easy_hard.py',
    '../_base_/datasets/coco_semi.py',
    '../_base_/schedules/dual_student.py',
]
model = dict(type='ConsistencyStudent', student=_base_.resnet18)
