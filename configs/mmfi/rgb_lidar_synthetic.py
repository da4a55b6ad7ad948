# Simulated sensors, small: RGB keypoints and LiDAR.
_base_ = './concat_synthetic.py'
modalities = ('rgb', 'lidar')
model = dict(
    encoders=dict(
        _delete_=True,
        rgb=_base_.model.encoders.rgb,
        lidar=_base_.model.encoders.lidar,
    )
)
train_dataloader = dict(dataset=dict(modalities=modalities))
val_dataloader = test_dataloader = train_dataloader
