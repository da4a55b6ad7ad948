# Simulated sensors by task, small: experience replay, the usual reference.
_base_ = './tasks_fine_tuning_synthetic.py'
train_cfg = dict(rehearsal=_base_.rehearsal)
