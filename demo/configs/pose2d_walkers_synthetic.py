# The network of pose2d_synthetic.py goes on with people who walk, most of them not
# towards the camera: few others show which of two crossing legs is the left one.
#   python tools/make_synthetic_data.py coco data/synthetic_walkers --val-images 300 \
#       --motions walk --facing 0.2 --max-people 2
#   python tools/train.py demo/configs/pose2d_walkers_synthetic.py \
#       --cfg-options load_from=POSE2D.pth
_base_ = './pose2d_synthetic.py'

model = dict(test_cfg=dict(flip_test=True))

root = 'data/synthetic_walkers/'
train_dataloader = dict(dataset=dict(dataset=dict(data_root=root)))
val_dataloader = dict(dataset=dict(data_root=root))
test_dataloader = val_dataloader
val_evaluator = dict(
    scored_by=[
        dict(
            _base_.val_evaluator.scored_by[0],
            ann_file=f'{root}annotations/person_keypoints_val2017.json',
        ),
        _base_.val_evaluator.scored_by[1],
    ]
)
test_evaluator = val_evaluator
train_cfg = dict(max_iters=5000, val_interval=1000)
param_scheduler = [dict(type='CosineAnnealingLR', T_max=5000, by_epoch=False, end=5000)]
