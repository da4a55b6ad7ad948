# Simulated sensors by task, small, Table 2: DivideMix with EWC.
_base_ = './tasks_fine_tuning_synthetic.py'
model = dict(
    _delete_=True,
    type='DivideMix',
    networks=dict(**_base_.model, consolidation=_base_.consolidation_loss),
    warmup_epochs=1,
    ramp_epochs=3,
)
train_cfg = dict(consolidation=_base_.ewc)
