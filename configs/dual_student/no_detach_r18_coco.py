# Easy and hard views, but the gradient runs through the teacher too (section 3.3).
_base_ = 'single_r18_coco.py'
model = dict(detach=False)
