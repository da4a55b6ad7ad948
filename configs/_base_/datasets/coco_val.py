# COCO val2017 as the paper scores it: ground-truth boxes, no flip test.
codec = dict(type='MSRAHeatmap', input_size=(192, 256), heatmap_size=(48, 64), sigma=2)
input_size = codec['input_size']
coco = dict(
    type='CocoDataset', data_root='data/coco/', data_mode='topdown', max_refetch=0
)
coco_train = dict(
    **coco,
    ann_file='annotations/person_keypoints_train2017.json',
    data_prefix=dict(img='train2017/'),
)

val_dataloader = dict(
    batch_size=32,
    num_workers=4,
    persistent_workers=True,
    drop_last=False,
    sampler=dict(type='DefaultSampler', shuffle=False, round_up=False),
    dataset=dict(
        **coco,
        ann_file='annotations/person_keypoints_val2017.json',
        data_prefix=dict(img='val2017/'),
        test_mode=True,
        pipeline=[
            dict(type='LoadImage'),
            dict(type='GetBBoxCenterScale'),
            dict(type='TopdownAffine', input_size=input_size),
            dict(type='PackPoseInputs'),
        ],
    ),
)
test_dataloader = val_dataloader

val_evaluator = dict(
    type='PerNetworkMetric',
    scored_by=[
        dict(
            type='CocoMetric',
            ann_file='data/coco/annotations/person_keypoints_val2017.json',
        )
    ],
    protocol=dict(boxes='ground truth', data='COCO val2017'),
)
test_evaluator = val_evaluator
