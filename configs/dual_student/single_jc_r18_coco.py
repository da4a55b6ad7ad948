# Table 1, Ours (Single), A + JC: with Joint Cutout in the hard views.
_base_ = 'single_r18_coco.py'
model = dict(occlusions=_base_.joint_cutout)
