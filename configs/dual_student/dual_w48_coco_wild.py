# Table 3, Ours, HRNet-W48: TRAIN with its labels, WILD without.
#   bash tools/dist_train.sh configs/dual_student/dual_w48_coco_wild.py 4 --amp
_base_ = ['../_base_/models/hrnet_w48_heatmap.py', 'dual_r18_coco_wild.py']
model = dict(students=[_base_.hrnet_w48, _base_.hrnet_w48])
