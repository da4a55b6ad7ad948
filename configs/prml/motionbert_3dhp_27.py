# MotionBERT on MPI-INF-3DHP, ground-truth 2D, T = 27.
_base_ = './motionbert_3dhp_81.py'

model = dict(backbone=dict(seq_len=27))
train_dataloader = dict(dataset=dict(seq_len=27))
val_dataloader = dict(dataset=dict(seq_len=27))
test_dataloader = val_dataloader
