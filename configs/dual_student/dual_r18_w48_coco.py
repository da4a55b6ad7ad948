# Table 2, Ours (Dual), ResNet-18 with HRNet-W48.
_base_ = ['../_base_/models/hrnet_w48_heatmap.py', 'dual_r18_coco.py']
model = dict(students=[_base_.resnet18, _base_.hrnet_w48])
