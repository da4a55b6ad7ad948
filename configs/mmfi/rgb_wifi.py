# MM-Fi: RGB keypoints and WiFi.
_base_ = './concat.py'
modalities = ('rgb', 'wifi')
model = dict(
    encoders=dict(
        _delete_=True,
        rgb=_base_.model.encoders.rgb,
        wifi=_base_.model.encoders.wifi,
    )
)
train_dataloader = dict(dataset=dict(modalities=modalities))
val_dataloader = test_dataloader = train_dataloader
