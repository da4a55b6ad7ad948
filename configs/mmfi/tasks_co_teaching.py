# MM-Fi by task, Table 2: Co-teaching with EWC. The noise rate is known to it.
_base_ = './tasks_fine_tuning.py'
model = dict(
    _delete_=True,
    type='CoTeaching',
    networks=dict(**_base_.model, consolidation=_base_.consolidation_loss),
    noise_rate=0.2,
    ramp_epochs=10,
)
train_cfg = dict(consolidation=_base_.ewc)
