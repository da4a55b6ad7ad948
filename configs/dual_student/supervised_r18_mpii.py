# ResNet-18 on MPII's labels alone: the row Supervised of Tables 6 to 8, before
# Human3.6M, and the teacher of the rows PseudoPose.
_base_ = [
    '../_base_/models/resnet18_mpii_heatmap.py',
    '../_base_/models/topdown.py',
    '../_base_/datasets/mpii_supervised.py',
    '../_base_/schedules/dual_student_iterations.py',
]
model = dict(**_base_.resnet18, **_base_.topdown)
default_hooks = dict(checkpoint=dict(save_best='mean/PCK'))
