# What every student needs: easy views (Affine 30), hard views (Affine 60), colours.
model = dict(
    data_preprocessor=dict(
        type='SemiSupervisedDataPreprocessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
    ),
    views=dict(
        hard_from='image',
        easy=dict(rotation=30, scale=0.25),
        hard=dict(rotation=60, scale=0.5),
    ),
    pseudo_labels=dict(form='warped', validity_mask=True),
    loss_unlabelled=dict(type='HeatmapConsistencyLoss', loss_weight=1.0),
    metainfo=dict(from_file='configs/_base_/datasets/coco.py'),
    test_cfg=dict(flip_test=False),
)
joint_cutout = [[dict(type='BatchJointCutout', num_joints=5)]]
rand_augment = [[dict(type='BatchRandAugment', num_ops=2, magnitude=20)]]
