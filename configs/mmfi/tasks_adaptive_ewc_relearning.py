# MM-Fi by task, Table 4: adaptive EWC and re-learning.
_base_ = './tasks_adaptive_ewc.py'
train_cfg = dict(relearning=dict(**_base_.relearning, epoch=8))
