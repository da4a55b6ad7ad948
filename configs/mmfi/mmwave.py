# MM-Fi: mmWave radar alone.
_base_ = './concat.py'
modalities = ('mmwave',)
model = dict(encoders=dict(_delete_=True, mmwave=_base_.model.encoders.mmwave))
train_dataloader = dict(dataset=dict(modalities=modalities))
val_dataloader = test_dataloader = train_dataloader
