# VideoPose3D from T frames to T frames: dilated convolutions, 27 frames.
model = dict(
    type='SequenceLifter',
    backbone=dict(
        type='VideoPose3D',
        in_channels=2,
        embed_dims=1024,
        kernel_sizes=(3, 3, 3),
        dropout=0.25,
    ),
    head=dict(
        type='FrameRegressionHead',
        in_channels=1024,
        losses=dict(pose=dict(type='JointErrorLoss')),
        decoder=dict(type='LiftingLabel', target='camera', confidence=False),
    ),
    train_cfg=dict(flip_prob=0.5),
    test_cfg=dict(flip_test=True),
)
