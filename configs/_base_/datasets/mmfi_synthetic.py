# Simulated people before simulated sensors, in the form of MM-Fi; made on first use.
# Protocol 1, random split at the papers' 3 : 1. For others:
#   --cfg-options {train,val,test}_dataloader.dataset.{protocol,split,ratio}=...
modalities = ('rgb', 'lidar', 'mmwave', 'wifi')
mmfi = dict(
    type='MMFiDataset',
    store='data/synthetic_mmfi',
    mmfi=dict(num_subjects=20, num_frames=40),
    modalities=modalities,
    protocol=1,
    split='random',
    ratio=0.75,
    split_seed=0,
    windows=dict(rgb=9, mmwave=5),
    empty_radar='drop',
    drop_on=('mmwave',),
    pipeline=[
        dict(type='NormalizeImageKeypoints'),
        dict(type='SubsamplePoints', key='lidar', max_points=128),
        dict(type='SubsamplePoints', key='mmwave', max_points=48),
        dict(type='NormalizeChannelState'),
        dict(type='PackMultiModalInputs'),
    ],
)
loader = dict(
    batch_size=64,
    num_workers=1,
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

val_evaluator = dict(type='MultiModalPoseMetric', group_by=('action', 'environment'))
test_evaluator = val_evaluator
