# Pairs of windows: S1 with labels, S5 and S6 as 2D; scored on S7 and S8.
_base_ = './h36m_s1.py'

source = _base_.train_dataloader.dataset
target = {
    **source,
    'subjects': ['S5', 'S6'],
    'target': None,
    'intrinsics': 'required',
}
train_dataloader = dict(
    batch_size=8,
    sampler=dict(_delete_=True, type='SourceTargetSampler'),
    dataset=dict(_delete_=True, type='ConcatDataset', datasets=[source, target]),
)
