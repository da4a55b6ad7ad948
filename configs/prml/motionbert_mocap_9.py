# MotionBERT (DSTFormer) at the parameters and steps of prml_mocap_9.
_base_ = ['../_base_/datasets/mocap.py', '../_base_/schedules/mocap.py']

model = dict(
    type='SequenceLifter',
    backbone=dict(
        type='MotionBERT',
        in_channels=3,
        embed_dims=48,
        seq_len=9,
        depth=4,
        num_heads=3,
        mlp_ratio=2,
    ),
    head=dict(
        type='PoseRegressionHead',
        in_channels=48,
        hidden_dims=96,
        losses=dict(
            pose=dict(type='JointErrorLoss'),
            scale=dict(type='JointErrorLoss', loss_weight=0.5, scale_normalized=True),
            velocity=dict(type='VelocityLoss', loss_weight=20.0),
        ),
        decoder=dict(type='LiftingLabel', target='camera'),
    ),
    train_cfg=dict(flip_prob=0.5),
    test_cfg=dict(flip_test=True),
)
