# 100 labelled rendered people and nothing else; 500:
#   --cfg-options train_dataloader.dataset.num_instances=500
_base_ = 'synthetic_coco_val.py'

train_dataloader = dict(
    batch_size=8,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=dict(
        type='LabelledSubset',
        dataset=_base_.synthetic_train,
        num_instances=100,
        subset='random',
        subset_seed=0,
        pipeline=[
            dict(type='LoadImage'),
            dict(type='GetBBoxCenterScale'),
            dict(type='RandomFlip', direction='horizontal'),
            dict(type='ViewBBoxTransform', rotation=30, scale=0.25),
            dict(type='TopdownAffine', input_size=_base_.input_size),
            dict(type='GenerateTarget', encoder=_base_.codec),
            dict(type='PackPoseInputs'),
        ],
    ),
)
