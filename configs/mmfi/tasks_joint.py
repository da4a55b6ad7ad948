# MM-Fi by task: all tasks so far together, what can be reached at most.
_base_ = './tasks_fine_tuning.py'
train_cfg = dict(data='seen')
