# MM-Fi by task: all tasks so far together, without noise: the upper bound.
_base_ = './tasks_fine_tuning.py'
train_cfg = dict(data='seen', noise=dict(ratio=0.0))
