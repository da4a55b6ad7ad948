# Dual, A + JC, with every setting of the released code that is a choice and no fault:
# the first 1,000 people of the file, all of TRAIN as unlabelled people, partners drawn
# with replacement, clipped normal distributions, the hard view a second draw of the
# same range on the easy crop, lambda 2, joints drawn with replacement, what the easy
# view does not show taught as background, the best checkpoint by the first student, 70
# epochs. Not taken over: sheared views, heatmaps off by a fraction of a pixel, rows
# that are never masked, joints that are never trained, BGR with RGB statistics (and so
# patches whose red and blue are exchanged).
_base_ = 'dual_r18_coco.py'

released_view = dict(
    type='ViewBBoxTransform',
    rotation=30,
    scale=0.25,
    rotation_prob=0.6,
    distribution='clipped_normal',
)
easy_crop = [
    dict(type='LoadImage'),
    dict(type='GetBBoxCenterScale'),
    dict(type='RandomFlip', direction='horizontal'),
    released_view,
    dict(type='TopdownAffine', input_size=_base_.input_size),
]
train_dataloader = dict(
    sampler=dict(replacement=True),
    dataset=dict(
        labelled=dict(subset='first'),
        unlabelled='all',
        labelled_pipeline=[
            *easy_crop,
            dict(type='PackSemiSupervisedInputs', role='labelled'),
        ],
        unlabelled_pipeline=[
            *easy_crop,
            dict(type='PackSemiSupervisedInputs', role='unlabelled'),
        ],
    ),
)
model = dict(
    views=dict(
        hard_from='easy_crop',
        easy=None,
        hard=dict(
            rotation=30, scale=0.25, rotation_prob=0.8, distribution='clipped_normal'
        ),
    ),
    occlusions=[[dict(type='BatchJointCutout', num_joints=5, replace=True)]],
    pseudo_labels=dict(validity_mask=False),
    labelled_weight=0.5,
)
train_cfg = dict(max_epochs=70)
param_scheduler = [
    dict(type='MultiStepLR', milestones=[50, 60], gamma=0.1, by_epoch=True, end=70)
]
default_hooks = dict(checkpoint=dict(save_best='student0/AP'))
