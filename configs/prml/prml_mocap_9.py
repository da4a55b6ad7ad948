# PrML on real motion, small: T = 9, width 48, two pairs a branch.
#   python tools/train.py configs/prml/prml_mocap_9.py
# Noisy 2D: --cfg-options train_dataloader.dataset.keypoints_2d=det \
#     val_dataloader.dataset.keypoints_2d=det test_dataloader.dataset.keypoints_2d=det
_base_ = ['../_base_/datasets/mocap.py', '../_base_/schedules/mocap.py']

model = dict(
    type='SequenceLifter',
    backbone=dict(
        type='PrMLBackbone',
        in_channels=3,
        embed_dims=48,
        seq_len=9,
        num_heads=3,
        mlp_ratio=2,
        depth_2d=2,
        depth_d=2,
    ),
    neck=dict(
        type='TaskAwareDecoder', embed_dims=48, seq_len=9, num_heads=3, mlp_ratio=2
    ),
    head=dict(
        type='PrMLHead',
        in_channels=48,
        hidden_dims=96,
        losses=dict(
            pose=dict(type='DecoupledPoseLoss'),
            velocity=dict(type='VelocityLoss', loss_weight=20.0),
        ),
        loss_mi=dict(type='BarberAgakovLoss', loss_weight=0.01),
        decoder=dict(type='LiftingLabel', target='camera'),
    ),
    train_cfg=dict(flip_prob=0.5),
    test_cfg=dict(flip_test=True),
)
