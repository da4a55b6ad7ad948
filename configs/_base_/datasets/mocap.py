# CMU motion capture through the Human3.6M cameras, 50 fps, camera-space target. Make:
#   python tools/dataset_converters/mocap_to_store.py MOCAP.npz --out data/mocap \
#       --split configs/_base_/datasets/mocap_split.py --noise
# A config sets seq_len and stride; keypoints_2d='det' takes the noisy 2D.
codec = dict(type='LiftingLabel', target='camera')
pipeline = [
    dict(type='GenerateTarget', encoder=codec),
    dict(type='PackLiftingInputs'),
]

train_dataloader = dict(
    batch_size=32,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=dict(
        type='LiftingDataset',
        store='data/mocap',
        split='train',
        seq_len=9,
        stride=3,
        tail='last_window',
        keypoints_2d='gt',
        target='camera',
        pipeline=pipeline,
    ),
)
val_dataloader = dict(
    batch_size=128,
    num_workers=1,
    persistent_workers=True,
    drop_last=False,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='LiftingDataset',
        store='data/mocap',
        split='test',
        seq_len=9,
        tail='last_window',
        keypoints_2d='gt',
        target='camera',
        pipeline=pipeline,
        test_mode=True,
    ),
)
test_dataloader = val_dataloader

val_evaluator = dict(type='PoseLiftingMetric', group_by=('subject',))
test_evaluator = val_evaluator
