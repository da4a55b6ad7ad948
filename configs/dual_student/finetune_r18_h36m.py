# Tables 7 and 8: fine-tuned on Human3.6M's labels from a pre-trained network, scored by
# the joint detection rate and by the error after triangulation.
# Which network: by default the first student of dual_r18_mpii_aic.py. That of
# pseudopose_r18_mpii_aic.py is in its checkpoint by the same name; an ordinary one:
#   --cfg-options model.init_cfg.prefix=None \
#       model.init_cfg.checkpoint=work_dirs/supervised_r18_mpii/iter_468200.pth
# MPII's last layer has 16 joints, Human3.6M 17, so that layer starts anew. How long the
# paper trains it does not say; here 20 epochs, drops at 10 and 15.
_base_ = [
    '../_base_/models/resnet18_mpii_heatmap.py',
    '../_base_/models/topdown.py',
    '../_base_/datasets/h36m_triangulated.py',
    '../_base_/runtime_2d.py',
]
codec = dict(type='MSRAHeatmap', input_size=(256, 256), heatmap_size=(64, 64), sigma=2)
model = dict(
    **_base_.resnet18,
    **_base_.topdown,
    init_cfg=dict(
        type='Pretrained',
        checkpoint='work_dirs/dual_r18_mpii_aic/epoch_100.pth',
        prefix='students.0.',
    ),
)
model['backbone'] = dict(type='ResNet', depth=18)
model['head'] = {**_base_.resnet18.head, 'out_channels': 17}

train_dataloader = dict(
    batch_size=32,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        **_base_.h36m,
        type='CocoDataset',
        data_mode='topdown',
        ann_file='annotations/h36m_train.json',
        max_refetch=0,
        pipeline=[
            dict(type='LoadImage'),
            dict(type='GetBBoxCenterScale'),
            dict(type='RandomFlip', direction='horizontal'),
            dict(type='ViewBBoxTransform', rotation=30, scale=0.25),
            dict(type='TopdownAffine', input_size=(256, 256)),
            dict(type='GenerateTarget', encoder=codec),
            dict(type='PackPoseInputs'),
        ],
    ),
)
val_dataloader = _base_.h36m_test
test_dataloader = _base_.h36m_test
groups = ('knee', 'ankle', 'elbow', 'wrist')
val_evaluator = dict(
    type='PerNetworkMetric',
    scored_by=[
        dict(type='JointDetectionRate', joint_groups=groups),
        dict(**_base_.triangulated_pose, joint_groups=groups),
    ],
    protocol=_base_.h36m_protocol,
)
test_evaluator = val_evaluator

train_cfg = dict(by_epoch=True, max_epochs=20, val_interval=5)
val_cfg = dict()
test_cfg = dict()
optim_wrapper = dict(optimizer=dict(type='Adam', lr=1e-3))
param_scheduler = [
    dict(type='MultiStepLR', milestones=[10, 15], gamma=0.1, by_epoch=True, end=20)
]
default_hooks = dict(checkpoint=dict(save_best='mean/MPJPE', rule='less'))
auto_scale_lr = dict(base_batch_size=32)
