# Views of equal strength with the gradient cut (Fig. 8, D1): easy and easy.
# D2, hard and hard:
#   --cfg-options model.views.easy.rotation=60 model.views.easy.scale=0.5 \
#       model.views.hard.rotation=60 model.views.hard.scale=0.5
# D3, the hard view teaches the easy one:
#   --cfg-options model.views.easy.rotation=60 model.views.easy.scale=0.5
_base_ = 'single_r18_coco.py'
model = dict(views=dict(hard=dict(rotation=30, scale=0.25)))
