# Simulated sensors by task, small, Table 4: noise separation and re-learning.
_base_ = './tasks_fine_tuning_synthetic.py'
train_cfg = dict(
    separation={**_base_.separation, 'fit_epochs': 2},
    relearning=dict(**_base_.relearning, epoch=2),
)
