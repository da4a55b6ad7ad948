# MM-Fi by task, cross-subject split (S2: 32 people train, 8 test). For others:
#   --cfg-options {train,val,test}_dataloader.dataset.protocol=2
#   train_cfg.noise.kind=unaligned train_cfg.noise.ratio=0.4
_base_ = './mmfi.py'

train_dataloader = dict(dataset=dict(split='cross_subject'))
val_dataloader = test_dataloader = train_dataloader
val_evaluator = dict(group_by=('action',))
test_evaluator = val_evaluator
