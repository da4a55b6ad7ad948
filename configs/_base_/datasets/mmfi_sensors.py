# What all configs of MM-Fi's sensors share: protocol 1, random split at the papers'
# 3 : 1. For others:
#   --cfg-options {train,val,test}_dataloader.dataset.{protocol,split,ratio}=...
# Frames without radar points are left out whatever sensors are in use, so that all
# methods are scored on the same frames.
modalities = ('rgb', 'lidar', 'mmwave', 'wifi')
mmfi = dict(
    type='MMFiDataset',
    modalities=modalities,
    protocol=1,
    split='random',
    ratio=0.75,
    split_seed=0,
    empty_radar='drop',
    drop_on=('mmwave',),
)
loader = dict(
    persistent_workers=True,
    collate_fn=dict(type='multi_modal_collate'),
)

train_dataloader = dict(
    **loader,
    drop_last=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(**mmfi, subset='train'),
)
val_dataloader = dict(
    **loader,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(**mmfi, subset='val', test_mode=True),
)
test_dataloader = val_dataloader

val_evaluator = dict(
    type='MultiModalPoseMetric', group_by=('action', 'subject', 'environment')
)
test_evaluator = val_evaluator
