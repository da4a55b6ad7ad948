# MM-Fi: LiDAR and WiFi.
_base_ = './concat.py'
modalities = ('lidar', 'wifi')
model = dict(
    encoders=dict(
        _delete_=True,
        lidar=_base_.model.encoders.lidar,
        wifi=_base_.model.encoders.wifi,
    )
)
train_dataloader = dict(dataset=dict(modalities=modalities))
val_dataloader = test_dataloader = train_dataloader
