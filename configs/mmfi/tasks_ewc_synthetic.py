# Simulated sensors by task, small: elastic weight consolidation alone.
_base_ = './tasks_fine_tuning_synthetic.py'
model = dict(consolidation=_base_.consolidation_loss)
train_cfg = dict(consolidation=_base_.ewc)
