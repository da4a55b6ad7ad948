# SimpleBaseline with a ResNet-18 of half the width, for 128 x 96, from scratch.
narrow_resnet18 = dict(
    type='TopdownPoseEstimator',
    backbone=dict(type='ResNet', depth=18, base_channels=32, stem_channels=32),
    head=dict(
        type='HeatmapHead',
        in_channels=256,
        out_channels=17,
        deconv_out_channels=(64, 64, 64),
        loss=dict(type='KeypointMSELoss', use_target_weight=True),
        decoder=dict(
            type='MSRAHeatmap',
            input_size=(96, 128),
            heatmap_size=(24, 32),
            sigma=2,
            unbiased=True,
        ),
    ),
    train_cfg=dict(compute_acc=False),
)
