# MM-Fi: RGB keypoints and mmWave radar.
_base_ = './concat.py'
modalities = ('rgb', 'mmwave')
model = dict(
    encoders=dict(
        _delete_=True,
        rgb=_base_.model.encoders.rgb,
        mmwave=_base_.model.encoders.mmwave,
    )
)
train_dataloader = dict(dataset=dict(modalities=modalities))
val_dataloader = test_dataloader = train_dataloader
