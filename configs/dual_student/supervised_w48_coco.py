# Table 2 and 3, Supervised, HRNet-W48. All of TRAIN (Table 3):
#   --cfg-options train_dataloader.dataset.num_instances=None
_base_ = ['../_base_/models/hrnet_w48_heatmap.py', 'supervised_r18_coco.py']
model = dict(_delete_=True, **_base_.hrnet_w48, **_base_.topdown)
