# SimpleBaseline (Xiao et al., ECCV 2018) with ResNet-18, for COCO at 256 x 192.
resnet18 = dict(
    type='TopdownPoseEstimator',
    backbone=dict(
        type='ResNet',
        depth=18,
        init_cfg=dict(type='Pretrained', checkpoint='torchvision://resnet18'),
    ),
    head=dict(
        type='HeatmapHead',
        in_channels=512,
        out_channels=17,
        loss=dict(type='KeypointMSELoss', use_target_weight=True),
        decoder=dict(
            type='MSRAHeatmap', input_size=(192, 256), heatmap_size=(48, 64), sigma=2
        ),
    ),
    train_cfg=dict(compute_acc=False),
)
# Two students had better not start alike: other ImageNet weights, for the second.
other_resnet18 = {
    **resnet18,
    'backbone': dict(
        type='ResNet',
        depth=18,
        init_cfg=dict(
            type='Pretrained',
            prefix='backbone.',
            checkpoint='https://download.openmmlab.com/mmclassification/v0/resnet/'
            'resnet18_8xb32_in1k_20210831-fbbb1da6.pth',
        ),
    ),
}
