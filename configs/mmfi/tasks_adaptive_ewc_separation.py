# MM-Fi by task, Table 4: adaptive EWC and noise separation.
_base_ = './tasks_fine_tuning.py'
model = dict(consolidation=_base_.consolidation_loss)
train_cfg = dict(
    consolidation=_base_.adaptive_ewc, separation=dict(**_base_.separation)
)
