# Pairs of windows: S1 with labels, S5 and S6 as 2D; scored on S7 and S8.
_base_ = './h36m_s1.py'

windows = dict(
    type='LiftingDataset',
    split='train',
    seq_len=243,
    stride=243,
    tail='last_window',
    short='pad',
    keypoints_2d='gt',
    pipeline=_base_.pipeline,
)
source = dict(**windows, store='data/h36m_cpn', subjects=['S1'], target='camera')
target = dict(
    **windows,
    store='data/h36m_cpn',
    subjects=['S5', 'S6'],
    target=None,
    intrinsics='required',
)
train_dataloader = dict(
    _delete_=True,
    batch_size=8,
    num_workers=4,
    persistent_workers=True,
    pin_memory=True,
    sampler=dict(type='SourceTargetSampler'),
    dataset=dict(type='ConcatDataset', datasets=[source, target]),
)
