# Simulated sensors by task, small, Table 4: adaptive EWC and re-learning.
_base_ = './tasks_adaptive_ewc_synthetic.py'
train_cfg = dict(relearning=dict(**_base_.relearning, epoch=2))
