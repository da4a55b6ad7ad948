# Table 3, Supervised, ResNet-101: all of TRAIN.
_base_ = ['../_base_/models/resnet101_heatmap.py', 'supervised_r18_coco.py']
model = dict(_delete_=True, **_base_.resnet101, **_base_.topdown)
train_dataloader = dict(dataset=dict(num_instances=None))
