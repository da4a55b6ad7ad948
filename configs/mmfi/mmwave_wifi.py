# MM-Fi: mmWave radar and WiFi.
_base_ = './concat.py'
modalities = ('mmwave', 'wifi')
model = dict(
    encoders=dict(
        _delete_=True,
        mmwave=_base_.model.encoders.mmwave,
        wifi=_base_.model.encoders.wifi,
    )
)
train_dataloader = dict(dataset=dict(modalities=modalities))
val_dataloader = test_dataloader = train_dataloader
