# 100 labelled rendered people, all others without labels; 500:
#   --cfg-options train_dataloader.dataset.labelled.num_instances=500
_base_ = 'synthetic_coco_val.py'

train_dataloader = dict(
    batch_size=16,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='SourceTargetSampler', draws=True),
    collate_fn=dict(type='semi_supervised_collate'),
    dataset=dict(
        type='SemiSupervisedDataset',
        labelled=dict(
            type='LabelledSubset',
            dataset=_base_.synthetic_train,
            num_instances=100,
            subset='random',
            subset_seed=0,
        ),
        unlabelled='rest',
        labelled_pipeline=[
            dict(type='LoadImage'),
            dict(type='GetBBoxCenterScale'),
            dict(type='RandomFlip', direction='horizontal'),
            dict(type='ViewBBoxTransform', rotation=30, scale=0.25),
            dict(type='TopdownAffine', input_size=_base_.input_size),
            dict(type='PackSemiSupervisedInputs', role='labelled'),
        ],
        unlabelled_pipeline=[
            dict(type='LoadImage'),
            dict(type='GetBBoxCenterScale'),
            dict(
                type='CropPersonSource',
                input_size=_base_.input_size,
                reach=1.5,
                max_side=212,
            ),
            dict(type='PackSemiSupervisedInputs', role='unlabelled'),
        ],
    ),
)
