# MixSTE as it is, the network that PoSynDA's denoiser comes from. T = 27; a config for
# longer windows sets model.backbone.seq_len.
model = dict(
    type='SequenceLifter',
    backbone=dict(
        type='MixSTE',
        in_channels=2,
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
        losses=dict(
            pose=dict(type='JointErrorLoss', joint_weights='mixste'),
            smoothness=dict(type='SmoothnessLoss', loss_weight=0.5),
            velocity=dict(type='VelocityLoss', loss_weight=2.0),
        ),
        decoder=dict(type='LiftingLabel', target='camera', confidence=False),
    ),
    train_cfg=dict(flip_prob=0.5),
    test_cfg=dict(flip_test=True),
)
