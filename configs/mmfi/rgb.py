# MM-Fi: RGB keypoints alone.
_base_ = './concat.py'
modalities = ('rgb',)
model = dict(encoders=dict(_delete_=True, rgb=_base_.model.encoders.rgb))
train_dataloader = dict(dataset=dict(modalities=modalities))
val_dataloader = test_dataloader = train_dataloader
