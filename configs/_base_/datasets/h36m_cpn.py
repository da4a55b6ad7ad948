# Human3.6M from VideoPose3D's files, the protocol of MixSTE: camera-space target in
# metres, CPN detections without confidence. Make it:
#   python tools/dataset_converters/videopose3d_to_store.py data_3d_h36m.npz \
#       data_2d_h36m_cpn_ft_h36m_dbb.npz --out data/h36m_cpn
codec = dict(type='LiftingLabel', target='camera', confidence=False)
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
        store='data/h36m_cpn',
        split='train',
        seq_len=243,
        stride=81,
        tail='last_window',
        short='pad',
        keypoints_2d='det',
        target='camera',
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
        store='data/h36m_cpn',
        split='test',
        seq_len=243,
        stride=243,
        tail='last_window',
        short='pad',
        keypoints_2d='det',
        target='camera',
        pipeline=pipeline,
        test_mode=True,
    ),
)
test_dataloader = val_dataloader

val_evaluator = dict(type='PoseLiftingMetric', weighting='action')
test_evaluator = val_evaluator
