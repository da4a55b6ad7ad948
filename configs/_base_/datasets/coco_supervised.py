# 1,000 labelled people of COCO TRAIN and nothing else. Others:
#   --cfg-options train_dataloader.dataset.num_instances=5000
# The first 1,000 of the file, as the released code takes them:
#   --cfg-options train_dataloader.dataset.subset=first
_base_ = 'coco_val.py'

train_dataloader = dict(
    batch_size=32,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=dict(
        type='LabelledSubset',
        dataset=_base_.coco_train,
        num_instances=1000,
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
