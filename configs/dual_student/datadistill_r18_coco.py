# DataDistill: heatmaps of eight views added up, and a new Gaussian at each maximum.
_base_ = 'pseudopose_r18_coco.py'
model = dict(
    teacher=dict(scales=(0.7, 0.9, 1.1, 1.3), mirror=True),
    pseudo_labels=dict(form='gaussian'),
)
