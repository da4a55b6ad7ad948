# Human3.6M as a source: ground-truth 2D, T = 27 without overlap, batches of 972 frames.
# See h36m_cpn.py for how to make the store.
_base_ = './h36m_cpn.py'

data = dict(seq_len=27, keypoints_2d='gt')
train_dataloader = dict(batch_size=36, dataset=dict(**data, stride=27))
val_dataloader = dict(batch_size=64, dataset=dict(**data, stride=27))
test_dataloader = val_dataloader
