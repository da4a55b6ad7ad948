# PrML on MPI-INF-3DHP, ground-truth 2D, T = 9.
# The stride of the training windows is not published for this length; 9, that of the
# longer ones, gives the same number of windows.
_base_ = './prml_3dhp_81.py'

model = dict(backbone=dict(seq_len=9), neck=dict(seq_len=9))
train_dataloader = dict(dataset=dict(seq_len=9))
val_dataloader = dict(dataset=dict(seq_len=9))
test_dataloader = val_dataloader
