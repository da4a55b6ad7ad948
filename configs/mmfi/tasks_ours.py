# MM-Fi by task, Tables 2 and 4: separation, adaptive EWC, re-learning (Algorithm 2).
_base_ = './tasks_fine_tuning.py'
model = dict(consolidation=_base_.consolidation_loss)
train_cfg = dict(
    consolidation=_base_.adaptive_ewc,
    separation=dict(**_base_.separation),
    relearning=dict(**_base_.relearning, epoch=8),
)
