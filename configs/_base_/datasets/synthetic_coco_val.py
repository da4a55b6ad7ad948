# Rendered people at 128 x 96: twelve of them, one a picture, few hidden, upright and
# facing the camera. With ever new people 100 labels teach too little for any method to
# differ; with more motions networks are short of steps, not of labels. Make them, in
# about five minutes:
#   python tools/make_synthetic_data.py coco data/synthetic_few --images 3000 \
#       --val-images 500 --max-people 1 --looks 12 --occlusion 0.1 --facing 1 \
#       --motions walk reach gesture wave
codec = dict(
    type='MSRAHeatmap',
    input_size=(96, 128),
    heatmap_size=(24, 32),
    sigma=2,
    unbiased=True,  # the nearest pixel is up to 2 % of a person away
)
input_size = codec['input_size']
synthetic = dict(
    type='CocoDataset',
    data_root='data/synthetic_few/',
    data_mode='topdown',
    max_refetch=0,
)
synthetic_train = dict(
    **synthetic,
    ann_file='annotations/person_keypoints_train2017.json',
    data_prefix=dict(img='train2017/'),
)

val_dataloader = dict(
    batch_size=64,
    num_workers=1,
    persistent_workers=True,
    drop_last=False,
    sampler=dict(type='DefaultSampler', shuffle=False, round_up=False),
    dataset=dict(
        **synthetic,
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
            ann_file='data/synthetic_few/annotations/person_keypoints_val2017.json',
        ),
        dict(type='PCKAccuracy', thr=0.2),
        dict(type='PCKAccuracy', thr=0.05, prefix='0.05'),
    ],
    protocol=dict(boxes='ground truth', data='rendered people'),
)
test_evaluator = val_evaluator
