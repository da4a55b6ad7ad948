# Loaders that lifting from a FrameStore shares. A dataset adds its store, its windows,
# its pipeline and the batch size.
train_dataloader = dict(
    num_workers=4,
    persistent_workers=True,
    pin_memory=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(type='LiftingDataset', split='train'),
)
val_dataloader = dict(
    num_workers=4,
    persistent_workers=True,
    pin_memory=True,
    drop_last=False,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(type='LiftingDataset', split='test', test_mode=True),
)
test_dataloader = val_dataloader
