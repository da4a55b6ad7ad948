# A small RTMDet that finds rendered people, so that demo/lift_video.py can be tried
# without a download; real videos need a detector that was trained on real people.
#   python tools/make_synthetic_data.py coco data/synthetic_coco
#   python tools/make_synthetic_data.py coco data/synthetic_walkers --val-images 300 \
#       --motions walk --facing 0.2 --max-people 2
#   python tools/train.py demo/configs/person_detector_synthetic.py
_base_ = '../../configs/_base_/default_runtime.py'

default_scope = 'mmdet'
custom_imports = dict(
    imports=['mmpose_ext', 'mmdet.datasets', 'mmdet.evaluation', 'mmdet.models']
)
default_hooks = dict(
    _delete_=True,
    timer=dict(type='IterTimerHook'),
    logger=dict(type='LoggerHook', interval=100),
    param_scheduler=dict(type='ParamSchedulerHook'),
    checkpoint=dict(
        type='CheckpointHook', interval=500, by_epoch=False, max_keep_ckpts=2
    ),
    sampler_seed=dict(type='DistSamplerSeedHook'),
    channels_last=dict(type='mmpose.ChannelsLastHook'),
    non_finite_loss=dict(type='mmpose.NonFiniteLossHook'),
)
custom_hooks = []
visualizer = dict(_delete_=True, type='Visualizer', vis_backends=_base_.vis_backends)
log_processor = dict(by_epoch=False)

norm = dict(type='BN')
act = dict(type='SiLU', inplace=True)
model = dict(
    _scope_='mmdet',
    type='RTMDet',
    data_preprocessor=dict(
        type='DetDataPreprocessor',
        mean=[103.53, 116.28, 123.675],
        std=[57.375, 57.12, 58.395],
        bgr_to_rgb=False,
        pad_size_divisor=32,
    ),
    backbone=dict(
        type='CSPNeXt',
        deepen_factor=0.167,
        widen_factor=0.25,
        norm_cfg=norm,
        act_cfg=act,
    ),
    neck=dict(
        type='CSPNeXtPAFPN',
        in_channels=[64, 128, 256],
        out_channels=64,
        num_csp_blocks=1,
        expand_ratio=0.5,
        norm_cfg=norm,
        act_cfg=act,
    ),
    bbox_head=dict(
        type='RTMDetSepBNHead',
        num_classes=1,
        in_channels=64,
        feat_channels=64,
        stacked_convs=2,
        share_conv=True,
        with_objectness=False,
        exp_on_reg=False,
        norm_cfg=norm,
        act_cfg=act,
        anchor_generator=dict(type='MlvlPointGenerator', offset=0, strides=[8, 16, 32]),
        bbox_coder=dict(type='DistancePointBBoxCoder'),
        loss_cls=dict(type='QualityFocalLoss', use_sigmoid=True, beta=2.0),
        loss_bbox=dict(type='GIoULoss', loss_weight=2.0),
    ),
    train_cfg=dict(
        assigner=dict(type='DynamicSoftLabelAssigner', topk=13),
        allowed_border=-1,
        pos_weight=-1,
    ),
    test_cfg=dict(
        nms_pre=1000,
        min_bbox_size=0,
        score_thr=0.05,
        nms=dict(type='nms', iou_threshold=0.5),
        max_per_img=20,
    ),
)

size = (320, 256)
meta_keys = ('img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor')
people = dict(type='CocoDataset', metainfo=dict(classes=('person',)))
train_set = dict(
    **people,
    ann_file='annotations/person_keypoints_train2017.json',
    data_prefix=dict(img='train2017/'),
    filter_cfg=dict(filter_empty_gt=False),
    pipeline=[
        dict(type='LoadImageFromFile'),
        dict(type='LoadAnnotations', with_bbox=True),
        dict(type='RandomResize', scale=size, ratio_range=(0.6, 1.5), keep_ratio=True),
        dict(type='RandomCrop', crop_size=size, allow_negative_crop=True),
        dict(type='YOLOXHSVRandomAug'),
        dict(type='RandomFlip', prob=0.5),
        dict(type='Pad', size=size, pad_val=dict(img=(114, 114, 114))),
        dict(type='PackDetInputs', meta_keys=(*meta_keys, 'flip')),
    ],
)
walkers = 'data/synthetic_walkers/'
train_dataloader = dict(
    batch_size=16,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=dict(
        type='ConcatDataset',
        datasets=[
            dict(train_set, data_root='data/synthetic_coco/'),
            dict(train_set, data_root=walkers),
        ],
    ),
)
val_dataloader = dict(
    batch_size=16,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        **people,
        data_root=walkers,
        ann_file='annotations/person_keypoints_val2017.json',
        data_prefix=dict(img='val2017/'),
        test_mode=True,
        pipeline=[
            dict(type='LoadImageFromFile'),
            # The clip's own size: two people who pass are told apart better.
            dict(type='Resize', scale=(480, 384), keep_ratio=True),
            dict(type='LoadAnnotations', with_bbox=True),
            dict(type='PackDetInputs', meta_keys=meta_keys),
        ],
    ),
)
test_dataloader = val_dataloader
val_evaluator = dict(
    type='CocoMetric',
    ann_file=walkers + 'annotations/person_keypoints_val2017.json',
    metric='bbox',
)
test_evaluator = val_evaluator

train_cfg = dict(by_epoch=False, max_iters=3000, val_interval=1000)
optim_wrapper = dict(
    type='mmpose.Bf16OptimWrapper',
    optimizer=dict(type='AdamW', lr=2e-3, weight_decay=0.05),
    paramwise_cfg=dict(norm_decay_mult=0, bias_decay_mult=0, bypass_duplicate=True),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=100),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=100, end=3000, eta_min=2e-5),
]
