# Simulated sensors by task, small: all tasks so far together, without noise: the upper
# bound.
_base_ = './tasks_fine_tuning_synthetic.py'
train_cfg = dict(data='seen', noise=dict(ratio=0.0))
