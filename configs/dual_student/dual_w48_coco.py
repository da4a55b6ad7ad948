# Table 2, Ours (Dual), HRNet-W48 twice. Similarities alone, as all of that table.
# Both start from the same ImageNet weights, as in the released code; heads differ.
_base_ = ['../_base_/models/hrnet_w48_heatmap.py', 'dual_r18_coco.py']
model = dict(students=[_base_.hrnet_w48, _base_.hrnet_w48])
