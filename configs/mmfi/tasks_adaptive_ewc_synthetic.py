# Simulated sensors by task, small: adaptive EWC. The noisy modality is
# identified for it, nothing is left out.
_base_ = './tasks_fine_tuning_synthetic.py'
model = dict(consolidation=_base_.consolidation_loss)
train_cfg = dict(
    consolidation=_base_.adaptive_ewc,
    separation={**_base_.identification, 'fit_epochs': 2},
)
