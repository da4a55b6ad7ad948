# MM-Fi by task: elastic weight consolidation alone.
_base_ = './tasks_fine_tuning.py'
model = dict(consolidation=_base_.consolidation_loss)
train_cfg = dict(consolidation=_base_.ewc)
