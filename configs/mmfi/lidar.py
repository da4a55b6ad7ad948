# MM-Fi: LiDAR alone.
_base_ = './concat.py'
modalities = ('lidar',)
model = dict(encoders=dict(_delete_=True, lidar=_base_.model.encoders.lidar))
train_dataloader = dict(dataset=dict(modalities=modalities))
val_dataloader = test_dataloader = train_dataloader
