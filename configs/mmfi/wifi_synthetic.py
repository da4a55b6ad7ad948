# Simulated sensors, small: WiFi alone.
_base_ = './concat_synthetic.py'
modalities = ('wifi',)
model = dict(encoders=dict(_delete_=True, wifi=_base_.model.encoders.wifi))
train_dataloader = dict(dataset=dict(modalities=modalities))
val_dataloader = test_dataloader = train_dataloader
