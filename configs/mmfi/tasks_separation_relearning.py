# MM-Fi by task, Table 4: noise separation and re-learning.
_base_ = './tasks_fine_tuning.py'
train_cfg = dict(
    separation=dict(**_base_.separation), relearning=dict(**_base_.relearning, epoch=8)
)
