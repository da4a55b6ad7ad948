# Pairs of windows: Human3.6M with labels, 2D of the training people of MPI-INF-3DHP.
_base_ = './h36m_to_3dhp.py'

windows = dict(
    type='LiftingDataset',
    split='train',
    seq_len=27,
    stride=27,
    tail='last_window',
    short='pad',
    keypoints_2d='gt',
    pipeline=_base_.pipeline,
)
source = dict(**windows, store='data/h36m_cpn', target='camera')
target = dict(
    **windows,
    store='data/mpi_inf_3dhp_annot3',
    target=None,
    intrinsics='required',
    without_valid='drop',
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
