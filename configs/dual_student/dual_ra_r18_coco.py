# Table 1, Ours (Dual), A + RA: with RandAugment in the hard views.
_base_ = 'dual_r18_coco.py'
model = dict(occlusions=_base_.rand_augment)
