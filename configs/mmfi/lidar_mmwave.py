# MM-Fi: LiDAR and mmWave radar.
_base_ = './concat.py'
modalities = ('lidar', 'mmwave')
model = dict(
    encoders=dict(
        _delete_=True,
        lidar=_base_.model.encoders.lidar,
        mmwave=_base_.model.encoders.mmwave,
    )
)
train_dataloader = dict(dataset=dict(modalities=modalities))
val_dataloader = test_dataloader = train_dataloader
