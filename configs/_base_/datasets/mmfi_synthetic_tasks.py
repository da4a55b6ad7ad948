# Simulated sensors by task, cross-subject split (S2). For others:
#   --cfg-options {train,val,test}_dataloader.dataset.protocol=2
#   train_cfg.noise.kind=unaligned train_cfg.noise.ratio=0.4
_base_ = './mmfi_synthetic.py'

half = dict(dataset=dict(split='cross_subject'))
train_dataloader = dict(batch_size=16, **half)
val_dataloader = test_dataloader = half
val_evaluator = dict(group_by=('action',))
test_evaluator = val_evaluator
