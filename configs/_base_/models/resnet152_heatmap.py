# SimpleBaseline (Xiao et al., ECCV 2018) with ResNet-152, for COCO at 256 x 192.
resnet152 = dict(
    type='TopdownPoseEstimator',
    backbone=dict(
        type='ResNet',
        depth=152,
        init_cfg=dict(type='Pretrained', checkpoint='torchvision://resnet152'),
    ),
    head=dict(
        type='HeatmapHead',
        in_channels=2048,
        out_channels=17,
        loss=dict(type='KeypointMSELoss', use_target_weight=True),
        decoder=dict(
            type='MSRAHeatmap', input_size=(192, 256), heatmap_size=(48, 64), sigma=2
        ),
    ),
    train_cfg=dict(compute_acc=False),
)
# Other ImageNet weights, for the second of two students.
other_resnet152 = {
    **resnet152,
    'backbone': dict(
        type='ResNet',
        depth=152,
        init_cfg=dict(
            type='Pretrained',
            prefix='backbone.',
            checkpoint='https://download.openmmlab.com/mmclassification/v0/resnet/'
            'resnet152_8xb32_in1k_20210901-4d7582fa.pth',
        ),
    ),
}
