# PrML on Human3.6M, ground-truth 2D, T = 243 (2.5D target).
# MotionBERT's evaluation also replaces the predicted x, y by the input's, which leaves
# the depth error alone: --cfg-options model.test_cfg.xy_passthrough=True
_base_ = './prml_h36m_243.py'

train_dataloader = dict(dataset=dict(keypoints_2d='gt'))
val_dataloader = dict(dataset=dict(keypoints_2d='gt'))
test_dataloader = val_dataloader
