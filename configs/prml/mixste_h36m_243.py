# MixSTE on Human3.6M in camera space, CPN 2D, T = 243: its own recipe.
_base_ = ['../_base_/datasets/h36m_cpn.py', '../_base_/schedules/h36m.py']

model = dict(
    type='SequenceLifter',
    backbone=dict(
        type='MixSTE',
        in_channels=2,
        embed_dims=512,
        seq_len=243,
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

# The public code trains 160 epochs on batches of 1024 frames.
train_dataloader = dict(batch_size=4)
train_cfg = dict(max_epochs=160)
optim_wrapper = dict(optimizer=dict(lr=4e-5, weight_decay=0.1))
param_scheduler = [dict(type='ExponentialLR', gamma=0.99, by_epoch=True, end=160)]
auto_scale_lr = dict(base_batch_size=4)
