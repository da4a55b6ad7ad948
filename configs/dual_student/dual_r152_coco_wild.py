# Table 3, Ours, ResNet-152: TRAIN with its labels, WILD without.
#   bash tools/dist_train.sh configs/dual_student/dual_r152_coco_wild.py 4 --amp
# Other ImageNet weights for the second one; the released code gives both the same.
_base_ = ['../_base_/models/resnet152_heatmap.py', 'dual_r18_coco_wild.py']
model = dict(students=[_base_.resnet152, _base_.other_resnet152])
