# MM-Fi by task: experience replay, the usual reference.
_base_ = './tasks_fine_tuning.py'
train_cfg = dict(rehearsal=_base_.rehearsal)
