# Supervised with hard augmentation on the labelled people (section 6.2: 51.1 to 52.1 AP
# with 10K labels, worse with 1K): the hard range of similarities, and Joint Cutout.
_base_ = 'supervised_r18_coco.py'
train_dataloader = dict(
    dataset=dict(
        pipeline=[
            dict(type='LoadImage'),
            dict(type='GetBBoxCenterScale'),
            dict(type='RandomFlip', direction='horizontal'),
            dict(type='ViewBBoxTransform', rotation=60, scale=0.5),
            dict(type='TopdownAffine', input_size=_base_.input_size),
            dict(type='JointCutout', num_joints=5),
            dict(type='GenerateTarget', encoder=_base_.codec),
            dict(type='PackPoseInputs'),
        ]
    )
)
