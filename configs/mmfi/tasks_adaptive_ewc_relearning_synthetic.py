# Simulated sensors by task, small, Table 4: adaptive EWC and re-learning.
_base_ = './tasks_fine_tuning_synthetic.py'
model = dict(consolidation=_base_.consolidation_loss)
train_cfg = dict(
    consolidation=_base_.adaptive_ewc,
    separation={**_base_.identification, 'fit_epochs': 2},
    relearning=dict(**_base_.relearning, epoch=2),
)
