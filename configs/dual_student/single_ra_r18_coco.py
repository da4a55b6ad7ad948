# Ours (Single) with RandAugment in the hard views.
_base_ = 'single_r18_coco.py'
model = dict(occlusions=_base_.rand_augment)
