# Human3.6M with Stacked-Hourglass 2D, the protocol of MotionBERT and PrML: 2.5D target,
# clips of T frames, tails dropped, short videos stretched. Make it:
#   python tools/dataset_converters/motionbert_to_store.py \
#       h36m_sh_conf_cam_source_final.pkl --out data/h36m_sh
# A config sets seq_len and stride (T // 3 in training); keypoints_2d='gt' takes the 2D
# of the label instead of the detections.
codec = dict(type='LiftingLabel', target='image')
pipeline = [
    dict(type='GenerateTarget', encoder=codec),
    dict(type='PackLiftingInputs'),
]

train_dataloader = dict(
    batch_size=16,
    num_workers=4,
    persistent_workers=True,
    pin_memory=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type='LiftingDataset',
        store='data/h36m_sh',
        split='train',
        seq_len=243,
        stride=81,
        tail='drop',
        short='stretch',
        keypoints_2d='det',
        target='image',
        pipeline=pipeline,
    ),
)
val_dataloader = dict(
    batch_size=16,
    num_workers=4,
    persistent_workers=True,
    pin_memory=True,
    drop_last=False,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='LiftingDataset',
        store='data/h36m_sh',
        split='test',
        seq_len=243,
        stride=243,
        tail='drop',
        short='stretch',
        keypoints_2d='det',
        target='image',
        pipeline=pipeline,
        test_mode=True,
    ),
)
test_dataloader = val_dataloader

# Sequences whose annotation is known to be bad are not scored.
val_evaluator = dict(
    type='PoseLiftingMetric',
    weighting='action',
    camera_space=True,
    skip_sequences=(
        's_09_act_05_subact_02',
        's_09_act_10_subact_02',
        's_09_act_13_subact_01',
    ),
)
test_evaluator = val_evaluator
