# MotionBERT (DSTFormer) on MPI-INF-3DHP, ground-truth 2D, T = 81, with PrML's schedule.
_base_ = ['../_base_/datasets/mpi_inf_3dhp.py', '../_base_/schedules/h36m.py']

model = dict(
    type='SequenceLifter',
    backbone=dict(
        type='MotionBERT',
        in_channels=3,
        embed_dims=512,
        seq_len=81,
        depth=5,
        num_heads=8,
        mlp_ratio=2,
    ),
    head=dict(
        type='PoseRegressionHead',
        in_channels=512,
        hidden_dims=512,
        losses=dict(
            pose=dict(type='JointErrorLoss'),
            scale=dict(type='JointErrorLoss', loss_weight=0.5, scale_normalized=True),
            velocity=dict(type='VelocityLoss', loss_weight=20.0),
        ),
        decoder=dict(type='LiftingLabel', target='camera', unit=1.024),
    ),
    train_cfg=dict(flip_prob=0.5),
    test_cfg=dict(flip_test=True),
)
