# 1,000 labelled people of COCO TRAIN; the rest of it without labels. Other numbers:
#   --cfg-options train_dataloader.dataset.labelled.num_instances=5000
# What the released code does: the first 1,000 of the file as labelled, all of TRAIN
# as unlabelled people, labelled partners drawn with replacement:
#   --cfg-options train_dataloader.dataset.labelled.subset=first \
#       train_dataloader.dataset.unlabelled=all \
#       train_dataloader.sampler.replacement=True
# All that it does otherwise: configs/dual_student/dual_r18_coco_released.py.
_base_ = 'coco_val.py'

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

train_dataloader = dict(
    batch_size=64,
    num_workers=8,
    persistent_workers=True,
    pin_memory=True,
    sampler=dict(type='SourceTargetSampler', infinite=False, draws=True),
    collate_fn=dict(type='semi_supervised_collate'),
    dataset=dict(
        type='SemiSupervisedDataset',
        labelled=dict(
            type='LabelledSubset',
            dataset=_base_.coco_train,
            num_instances=1000,
            subset='random',
            subset_seed=0,
        ),
        unlabelled='rest',
        labelled_pipeline=labelled_pipeline,
        unlabelled_pipeline=unlabelled_pipeline,
    ),
)
