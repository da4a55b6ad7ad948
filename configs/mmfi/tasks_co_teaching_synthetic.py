# Simulated sensors by task, small: Co-teaching with EWC; it knows the noise rate.
_base_ = './tasks_fine_tuning_synthetic.py'
model = dict(
    _delete_=True,
    type='CoTeaching',
    networks=dict(**_base_.model, consolidation=_base_.consolidation_loss),
    noise_rate=0.2,
    ramp_epochs=2,
)
train_cfg = dict(consolidation=_base_.ewc)
