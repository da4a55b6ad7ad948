# Table 5, Ours: HRNet-W32, MPII with its labels, AI Challenger without. A + JC.
#   bash tools/dist_train.sh configs/dual_student/dual_w32_mpii_aic.py 4 --amp
# The paper scores MPII's test people on their server; here it is the validation set.
# Learn only the 13 joints that both data sets have (the released code learns all):
#   --cfg-options model.pseudo_labels.joints=0,1,2,3,4,5,9,10,11,12,13,14,15
_base_ = [
    '../_base_/models/hrnet_w32_mpii_heatmap.py',
    '../_base_/models/easy_hard_mpii.py',
    '../_base_/datasets/mpii_semi.py',
    '../_base_/schedules/dual_student.py',
]
model = dict(
    type='DualStudent',
    students=[_base_.hrnet_w32, _base_.hrnet_w32],
    occlusions=_base_.joint_cutout,
)
default_hooks = dict(checkpoint=dict(save_best='mean/PCK'))
