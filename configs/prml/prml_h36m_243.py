# PrML on Human3.6M, detected 2D, T = 243: the paper's main row (13.0 M, 49.3 GMACs).
#   python tools/train.py configs/prml/prml_h36m_243.py
#   bash tools/dist_train.sh configs/prml/prml_h36m_243.py 2
_base_ = ['../_base_/datasets/h36m_sh.py', '../_base_/schedules/h36m.py']

model = dict(
    type='SequenceLifter',
    backbone=dict(
        type='PrMLBackbone',
        in_channels=3,
        embed_dims=128,
        seq_len=243,
        num_heads=8,
        mlp_ratio=4,
        depth_2d=13,
        depth_d=13,
        order='ts',
        temporal_embedding=True,
    ),
    neck=dict(type='TaskAwareDecoder', embed_dims=128, seq_len=243, num_heads=8),
    head=dict(
        type='PrMLHead',
        in_channels=128,
        hidden_dims=512,
        losses=dict(
            pose=dict(type='DecoupledPoseLoss'),
            velocity=dict(type='VelocityLoss', loss_weight=20.0),
        ),
        loss_mi=dict(type='BarberAgakovLoss', loss_weight=0.01),
        decoder=dict(type='LiftingLabel', target='image'),
    ),
    train_cfg=dict(flip_prob=0.5),
    test_cfg=dict(flip_test=True),
)
