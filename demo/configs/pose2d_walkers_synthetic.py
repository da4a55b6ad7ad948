# The network of pose2d_synthetic.py goes on with people who walk, most of them not
# towards the camera: few others show which of two crossing legs is the left one.
#   python tools/make_synthetic_data.py coco data/synthetic_walkers --val-images 300 \
#       --motions walk --facing 0.2 --max-people 2
#   python tools/train.py demo/configs/pose2d_walkers_synthetic.py \
#       --cfg-options load_from=POSE2D.pth
_base_ = './pose2d_synthetic.py'

root = 'data/synthetic_walkers/'
train_dataloader = dict(dataset=dict(dataset=dict(data_root=root)))
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
train_cfg = dict(max_iters=2500, val_interval=500)
param_scheduler = [
    dict(
        type='MultiStepLR',
        milestones=[1700, 2300],
        gamma=0.1,
        by_epoch=False,
        end=2500,
    )
]
