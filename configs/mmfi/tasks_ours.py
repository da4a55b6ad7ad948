# MM-Fi by task, Tables 2 and 4: separation, adaptive EWC, re-learning (Algorithm 2).
_base_ = './tasks_adaptive_ewc_separation.py'
train_cfg = dict(relearning=dict(**_base_.relearning, epoch=8))
