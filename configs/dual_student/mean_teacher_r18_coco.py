# Mean Teacher (Fig. 8, B2: alpha 0.999), views of equal strength as in the paper.
# B1, alpha 0.99: --cfg-options model.teacher.momentum=0.01
# With easy and hard views (not in the paper):
#   --cfg-options model.views.hard.rotation=60 model.views.hard.scale=0.5
_base_ = 'equal_views_r18_coco.py'
model = dict(teacher=dict(type='ExponentialMovingAverage', momentum=0.001))
