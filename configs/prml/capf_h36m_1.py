# CA-PF on Human3.6M in camera space, CPN 2D, single frame, maps of an HRNet-W32: the
# protocol of its paper, and what PrML compares with (Tables 7, 8, 14). The maps of all
# 2.1 M frames take 1 TB; store them first:
#   python tools/dataset_converters/image_features_to_store.py data/h36m_cpn hrnet \
#       --config td-hm_hrnet-w32_8xb64-210e_coco-256x192.py --weights HRNET_W32.pth \
#       --images 'H36M/{subject}/Videos/{video}.{camera}.mp4'
_base_ = ['../_base_/datasets/h36m_cpn.py', '../_base_/schedules/h36m.py']

model = dict(
    type='SequenceLifter',
    backbone=dict(
        type='ContextAwarePoseFormer',
        features=dict(
            hrnet_0=(32, 64, 64),
            hrnet_1=(64, 32, 32),
            hrnet_2=(128, 16, 16),
            hrnet_3=(256, 8, 8),
        ),
        in_channels=2,
        embed_dims=128,
        seq_len=1,
        depth=4,
        num_heads=8,
        context_heads=4,
        num_points=4,
        mlp_ratio=2,
        drop_path_rate=0.2,
    ),
    head=dict(
        type='PoseRegressionHead',
        in_channels=5 * 128,
        norm=True,
        losses=dict(pose=dict(type='JointErrorLoss')),
        decoder=dict(type='LiftingLabel', target='camera', confidence=False),
    ),
    train_cfg=dict(flip_prob=0.5),
    test_cfg=dict(flip_test=True),
)

frames = dict(
    features=['hrnet_0', 'hrnet_1', 'hrnet_2', 'hrnet_3', 'crop_keypoints'],
    seq_len=1,
    stride=1,
)
# The public code trains until it is stopped, and keeps the best epoch.
train_dataloader = dict(batch_size=512, dataset=frames)
val_dataloader = dict(batch_size=512, dataset=frames)
test_dataloader = val_dataloader
optim_wrapper = dict(optimizer=dict(lr=6.4e-4, weight_decay=0.1))
auto_scale_lr = dict(base_batch_size=512)
