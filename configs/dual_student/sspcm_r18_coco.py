# SSPCM (Huang et al., CVPR 2023), a later reference: three students.
# Published numbers are on the first 1,000 people and all of TRAIN: see coco_semi.py.
_base_ = 'dual_r18_coco.py'
model = dict(
    type='SSPCM',
    students=[_base_.resnet18, _base_.resnet18, _base_.resnet18],
    snapshot_interval='epoch',
    min_score=0.1,
    labelled_weight=0.5,
    occlusions=[[dict(type='BatchCutOcclude', num_joints=2)]],
)
