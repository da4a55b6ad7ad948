# Pairs of windows: Human3.6M with labels, 2D of the training people of MPI-INF-3DHP.
_base_ = './h36m_to_3dhp.py'

source = _base_.train_dataloader.dataset
target = {
    **source,
    'store': 'data/mpi_inf_3dhp_annot3',
    'without_valid': 'drop',
    'target': None,
    'intrinsics': 'required',
}
train_dataloader = dict(
    batch_size=8,
    sampler=dict(_delete_=True, type='SourceTargetSampler'),
    dataset=dict(_delete_=True, type='ConcatDataset', datasets=[source, target]),
)
