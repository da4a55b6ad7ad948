# MM-Fi by task, Table 4: adaptive EWC and re-learning.
_base_ = './tasks_fine_tuning.py'
model = dict(consolidation=_base_.consolidation_loss)
train_cfg = dict(
    consolidation=_base_.adaptive_ewc,
    separation=dict(**_base_.identification),
    relearning=dict(**_base_.relearning, epoch=8),
)
