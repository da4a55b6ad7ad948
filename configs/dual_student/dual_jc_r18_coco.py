# Table 1, Ours (Dual), A + JC: with Joint Cutout in the hard views. The method.
_base_ = 'dual_r18_coco.py'
model = dict(occlusions=_base_.joint_cutout)
