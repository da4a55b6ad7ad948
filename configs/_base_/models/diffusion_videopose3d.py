# VideoPose3D as denoiser (PoSynDA, Table 2): dilated convolutions, 27 frames.
model = dict(
    type='DiffusionLifter',
    backbone=dict(
        type='DiffusionVideoPose3D',
        in_channels=5,
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
    diffusion=dict(num_steps=1000, clip=1.1),
    train_cfg=dict(flip_prob=0.5),
    test_cfg=dict(num_hypotheses=1, sampling_steps=1, flip_test=True),
)
