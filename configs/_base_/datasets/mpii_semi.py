# MPII's training people with their labels; a config names the unlabelled ones.
_base_ = 'mpii_val.py'

labelled_pipeline = [
    dict(type='LoadImage'),
    dict(type='GetBBoxCenterScale'),
    dict(type='RandomFlip', direction='horizontal'),
    dict(type='ViewBBoxTransform', rotation=30, scale=0.25),
    dict(type='TopdownAffine', input_size=_base_.input_size),
    dict(type='PackSemiSupervisedInputs', role='labelled'),
]
unlabelled_pipeline = [
    dict(type='LoadImage'),
    dict(type='GetBBoxCenterScale'),
    dict(type='CropPersonSource', input_size=_base_.input_size, reach=1.5),
    dict(type='PackSemiSupervisedInputs', role='unlabelled'),
]
# AI Challenger's people, in the boxes of its annotations.
aic_train = dict(
    type='AicDataset',
    data_root='data/aic/',
    data_mode='topdown',
    ann_file='annotations/aic_train.json',
    data_prefix=dict(
        img='ai_challenger_keypoint_train_20170902/keypoint_train_images_20170902/'
    ),
    max_refetch=0,
)
train_dataloader = dict(
    batch_size=64,
    num_workers=8,
    persistent_workers=True,
    pin_memory=True,
    sampler=dict(type='SourceTargetSampler', infinite=False, draws=True),
    collate_fn=dict(type='semi_supervised_collate'),
    dataset=dict(
        type='SemiSupervisedDataset',
        labelled=_base_.mpii_train,
        unlabelled=aic_train,
        labelled_pipeline=labelled_pipeline,
        unlabelled_pipeline=unlabelled_pipeline,
    ),
)
