# Pairs of windows: Human3.6M with labels, 2D of the training set of 3DPW.
_base_ = './h36m_to_3dpw.py'

source = _base_.train_dataloader.dataset
target = {
    **source,
    'store': 'data/pw3d',
    'without_valid': 'drop',
    'target': None,
    'intrinsics': 'required',
}
train_dataloader = dict(
    batch_size=8,
    sampler=dict(_delete_=True, type='SourceTargetSampler'),
    dataset=dict(_delete_=True, type='ConcatDataset', datasets=[source, target]),
)
