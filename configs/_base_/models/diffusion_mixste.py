# The denoiser of D3DP and PoSynDA: MixSTE on 2D keypoints and noisy 3D poses. T = 27;
# a config for longer windows sets model.backbone.seq_len.
model = dict(
    type='DiffusionLifter',
    backbone=dict(
        type='DiffusionMixSTE',
        in_channels=5,
        embed_dims=512,
        seq_len=27,
        depth=8,
        num_heads=8,
        mlp_ratio=2,
        drop_path_rate=0.1,
    ),
    head=dict(
        type='PoseRegressionHead',
        in_channels=512,
        norm=True,
        losses=dict(pose=dict(type='JointErrorLoss')),
        decoder=dict(type='LiftingLabel', target='camera', confidence=False),
    ),
    diffusion=dict(num_steps=1000, clip=1.1),
    train_cfg=dict(flip_prob=0.5),
    test_cfg=dict(num_hypotheses=1, sampling_steps=1, flip_test=True),
)
