# MM-Fi by task, Table 2: DivideMix with EWC.
_base_ = './tasks_fine_tuning.py'
model = dict(
    _delete_=True,
    type='DivideMix',
    networks=dict(**_base_.model, consolidation=_base_.consolidation_loss),
    warmup_epochs=4,
    ramp_epochs=10,
)
train_cfg = dict(consolidation=_base_.ewc)
