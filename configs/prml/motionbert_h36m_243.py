# MotionBERT (DSTFormer) from scratch, Human3.6M, detected 2D, T = 243: its own recipe.
_base_ = ['../_base_/datasets/h36m_sh.py', '../_base_/schedules/h36m.py']

model = dict(
    type='SequenceLifter',
    backbone=dict(
        type='MotionBERT',
        in_channels=3,
        embed_dims=512,
        seq_len=243,
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
        decoder=dict(type='LiftingLabel', target='image'),
    ),
    train_cfg=dict(flip_prob=0.5),
    test_cfg=dict(flip_test=True),
)

train_dataloader = dict(batch_size=32)
train_cfg = dict(max_epochs=120)
optim_wrapper = dict(optimizer=dict(lr=2e-4))
param_scheduler = [dict(type='ExponentialLR', gamma=0.99, by_epoch=True, end=120)]
auto_scale_lr = dict(base_batch_size=32)
