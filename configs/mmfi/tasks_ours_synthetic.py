# Simulated sensors by task, small: separation, adaptive EWC, re-learning.
_base_ = './tasks_adaptive_ewc_separation_synthetic.py'
train_cfg = dict(relearning=dict(**_base_.relearning, epoch=2))
