# The 2D estimator that goes with person_detector_synthetic.py: all rendered people.
#   python tools/make_synthetic_data.py coco data/synthetic_coco
#   python tools/train.py demo/configs/pose2d_synthetic.py
_base_ = '../../configs/dual_student/supervised_synthetic.py'

root = 'data/synthetic_coco/'
train_dataloader = dict(
    batch_size=32, dataset=dict(num_instances=None, dataset=dict(data_root=root))
)
val_dataloader = dict(dataset=dict(data_root=root))
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
