# MotionBERT (DSTFormer) from scratch on 3DPW, detected 2D, T = 16 (Table 15). Its own
# network ends in SMPL parameters; this one regresses joints, with the weights of its
# joint losses (0.5, and 10 for velocity) and without its pose, shape and norm losses.
_base_ = ['../_base_/datasets/pw3d.py', '../_base_/schedules/pw3d.py']

model = dict(
    type='SequenceLifter',
    backbone=dict(
        type='MotionBERT',
        in_channels=3,
        embed_dims=512,
        seq_len=16,
        depth=5,
        num_heads=8,
        mlp_ratio=2,
    ),
    head=dict(
        type='PoseRegressionHead',
        in_channels=512,
        hidden_dims=512,
        losses=dict(
            pose=dict(type='JointErrorLoss', loss_weight=0.5),
            velocity=dict(type='VelocityLoss', loss_weight=10.0),
        ),
        decoder=dict(type='LiftingLabel', target='camera'),
    ),
    train_cfg=dict(flip_prob=0.5),
    test_cfg=dict(flip_test=True),
)
