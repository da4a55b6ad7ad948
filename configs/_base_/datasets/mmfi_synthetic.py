# Simulated people before simulated sensors, in the form of MM-Fi; made on first use.
_base_ = './mmfi_sensors.py'

mmfi = dict(
    store='data/synthetic_mmfi',
    mmfi=dict(num_subjects=20, num_frames=40),
    windows=dict(rgb=9, mmwave=5),
    pipeline=[
        dict(type='NormalizeImageKeypoints'),
        dict(type='SubsamplePoints', key='lidar', max_points=64),
        dict(type='SubsamplePoints', key='mmwave', max_points=48),
        dict(type='NormalizeChannelState'),
        dict(type='PackMultiModalInputs'),
    ],
)
loader = dict(batch_size=64, num_workers=1)

train_dataloader = dict(**loader, dataset=mmfi)
val_dataloader = dict(**loader, dataset=mmfi)
test_dataloader = val_dataloader
