# The runtime of image-based models: 2D pictures, best checkpoint by the students' mean.
_base_ = 'default_runtime.py'

default_hooks = dict(
    checkpoint=dict(save_best='mean/AP', rule='greater'),
    channels_last=dict(type='ChannelsLastHook'),
    collapse_monitor=dict(type='CollapseMonitorHook'),
    protocol=dict(type='EvaluationProtocolHook'),
    visualization=dict(_delete_=True, type='PoseVisualizationHook', enable=False),
)
visualizer = dict(
    _delete_=True, type='PoseLocalVisualizer', vis_backends=_base_.vis_backends
)
