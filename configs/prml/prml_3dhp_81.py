# PrML on MPI-INF-3DHP, ground-truth 2D, T = 81.
_base_ = ['../_base_/datasets/mpi_inf_3dhp.py', '../_base_/schedules/h36m.py']

model = dict(
    type='SequenceLifter',
    backbone=dict(
        type='PrMLBackbone',
        in_channels=3,
        embed_dims=128,
        seq_len=81,
        num_heads=8,
        mlp_ratio=4,
        depth_2d=13,
        depth_d=13,
        order='ts',
        temporal_embedding=True,
    ),
    neck=dict(type='TaskAwareDecoder', embed_dims=128, seq_len=81, num_heads=8),
    head=dict(
        type='PrMLHead',
        in_channels=128,
        hidden_dims=512,
        losses=dict(
            pose=dict(type='DecoupledPoseLoss'),
            velocity=dict(type='VelocityLoss', loss_weight=20.0),
        ),
        loss_mi=dict(type='BarberAgakovLoss', loss_weight=0.01),
        decoder=dict(type='LiftingLabel', target='camera', unit=1.024),
    ),
    train_cfg=dict(flip_prob=0.5),
    test_cfg=dict(flip_test=True),
)
