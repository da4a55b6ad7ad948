# Table 3, Supervised, ResNet-50: all of TRAIN.
_base_ = ['../_base_/models/resnet50_heatmap.py', 'supervised_r18_coco.py']
model = dict(_delete_=True, **_base_.resnet50, **_base_.topdown)
train_dataloader = dict(dataset=dict(num_instances=None))
