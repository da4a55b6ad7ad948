# The 2D estimator that goes with person_detector_synthetic.py: a ResNet-18 of half the
# width with a whole stem at 192 x 160, on all rendered people. Which leg of a walker is
# the left one is hard to see; a smaller network on smaller pictures misses it in every
# second frame.
#   python tools/make_synthetic_data.py coco data/synthetic_coco
#   python tools/train.py demo/configs/pose2d_synthetic.py
_base_ = '../../configs/dual_student/supervised_synthetic.py'

codec = dict(
    _delete_=True,
    type='MSRAHeatmap',
    input_size=(160, 192),
    heatmap_size=(40, 48),
    sigma=2,
    unbiased=True,
)
model = dict(
    backbone=dict(base_channels=32, stem_channels=64),
    head=dict(in_channels=256, decoder=codec),
)

root = 'data/synthetic_coco/'
crop = dict(type='TopdownAffine', input_size=codec['input_size'])
read = [dict(type='LoadImage'), dict(type='GetBBoxCenterScale')]
train_dataloader = dict(
    batch_size=32,
    dataset=dict(
        num_instances=None,
        dataset=dict(data_root=root),
        pipeline=[
            *read,
            dict(type='RandomFlip', direction='horizontal'),
            dict(type='ViewBBoxTransform', rotation=30, scale=0.25),
            crop,
            dict(
                type='GenerateTarget',
                encoder={k: v for k, v in codec.items() if k != '_delete_'},
            ),
            dict(type='PackPoseInputs'),
        ],
    ),
)
val_dataloader = dict(
    dataset=dict(data_root=root, pipeline=[*read, crop, dict(type='PackPoseInputs')])
)
test_dataloader = val_dataloader
val_evaluator = dict(
    scored_by=[
        dict(
            type='CocoMetric',
            ann_file=f'{root}annotations/person_keypoints_val2017.json',
        ),
        dict(type='PCKAccuracy', thr=0.05),
    ]
)
test_evaluator = val_evaluator
train_cfg = dict(max_iters=4000, val_interval=1000)
param_scheduler = [
    dict(
        type='MultiStepLR',
        milestones=[2800, 3600],
        gamma=0.1,
        by_epoch=False,
        end=4000,
    )
]
auto_scale_lr = dict(base_batch_size=32)
