# Simulated sensors by task, small: all tasks so far together.
_base_ = './tasks_fine_tuning_synthetic.py'
train_cfg = dict(data='seen')
