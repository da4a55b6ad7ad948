# PrML on Human3.6M, detected 2D, T = 81.
_base_ = './prml_h36m_243.py'

model = dict(backbone=dict(seq_len=81), neck=dict(seq_len=81))
train_dataloader = dict(dataset=dict(seq_len=81, stride=27))
val_dataloader = dict(dataset=dict(seq_len=81, stride=81))
test_dataloader = val_dataloader
