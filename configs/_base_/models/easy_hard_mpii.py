# Easy and hard views for MPII's joints.
_base_ = 'easy_hard.py'
model = dict(metainfo=dict(from_file='configs/_base_/datasets/mpii.py'))
