# MM-Fi as released.
_base_ = './mmfi_sensors.py'

mmfi = dict(
    store='data/mmfi',
    windows=dict(rgb=27, mmwave=5),
    pipeline=[
        dict(type='NormalizeImageKeypoints'),
        dict(type='SubsamplePoints', key='lidar', max_points=1024),
        dict(type='SubsamplePoints', key='mmwave', max_points=256),
        dict(type='NormalizeChannelState'),
        dict(type='PackMultiModalInputs'),
    ],
)
loader = dict(batch_size=192, num_workers=4, pin_memory=True)

train_dataloader = dict(**loader, dataset=mmfi)
val_dataloader = dict(**loader, dataset=mmfi)
test_dataloader = val_dataloader
