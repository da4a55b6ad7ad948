# Table 4, Ours (+HRNet), at 384 x 288 (sigma 3), scored on test-dev.
_base_ = [
    '../_base_/models/hrnet_w48_heatmap.py',
    '../_base_/datasets/coco_test_dev.py',
    'dual_r18_coco_wild.py',
]
input_size = (288, 384)
codec = dict(type='MSRAHeatmap', input_size=input_size, heatmap_size=(72, 96), sigma=3)
student = dict(
    **{key: value for key, value in _base_.hrnet_w48.items() if key != 'head'},
    head={**_base_.hrnet_w48.head, 'decoder': codec},
)
labelled_pipeline = [
    dict(type='LoadImage'),
    dict(type='GetBBoxCenterScale'),
    dict(type='RandomFlip', direction='horizontal'),
    dict(type='ViewBBoxTransform', rotation=30, scale=0.25),
    dict(type='TopdownAffine', input_size=input_size),
    dict(type='PackSemiSupervisedInputs', role='labelled'),
]
unlabelled_pipeline = [
    dict(type='LoadImage'),
    dict(type='GetBBoxCenterScale'),
    dict(type='CropPersonSource', input_size=input_size, reach=1.5, max_side=636),
    dict(type='PackSemiSupervisedInputs', role='unlabelled'),
]
val_pipeline = [
    dict(type='LoadImage'),
    dict(type='GetBBoxCenterScale'),
    dict(type='TopdownAffine', input_size=input_size),
    dict(type='PackPoseInputs'),
]
model = dict(students=[student, student], test_cfg=_base_.flip_test)
train_dataloader = dict(
    batch_size=16,
    dataset=dict(
        labelled_pipeline=labelled_pipeline, unlabelled_pipeline=unlabelled_pipeline
    ),
)
auto_scale_lr = dict(base_batch_size=16)
val_dataloader = dict(dataset=dict(pipeline=val_pipeline))
test_dataloader = dict(
    dataset=dict(_delete_=True, **_base_.test_dataset, pipeline=val_pipeline)
)
submission = 'work_dirs/dual_w48_coco_wild_384x288'
test_evaluator = dict(
    _delete_=True,
    **_base_.test_dev_evaluator,
    scored_by=[dict(**_base_.test_dev_metric, outfile_prefix=submission)],
)
