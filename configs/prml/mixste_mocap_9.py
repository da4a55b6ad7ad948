# MixSTE at the parameters and steps of prml_mocap_9.
_base_ = ['../_base_/datasets/mocap.py', '../_base_/schedules/mocap.py']

model = dict(
    type='SequenceLifter',
    backbone=dict(
        type='MixSTE',
        in_channels=3,
        embed_dims=48,
        seq_len=9,
        depth=8,
        num_heads=3,
        mlp_ratio=2,
        drop_path_rate=0.0,
    ),
    head=dict(
        type='PoseRegressionHead',
        in_channels=48,
        norm=True,
        losses=dict(
            pose=dict(type='JointErrorLoss', joint_weights='mixste'),
            smoothness=dict(type='SmoothnessLoss', loss_weight=0.5),
            velocity=dict(type='VelocityLoss', loss_weight=2.0),
        ),
        decoder=dict(type='LiftingLabel', target='camera'),
    ),
    train_cfg=dict(flip_prob=0.5),
    test_cfg=dict(flip_test=True),
)
