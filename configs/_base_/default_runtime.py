"""What every config of this package starts from.

It is MMPose's runtime with our package imported and a few hooks more. All hooks stand
in `default_hooks`, which merges by key, so a config that sets `custom_hooks` for itself
does not lose them. `visualization` is the key that MMPose's tools switch on for
`--show-dir`; here it draws 3D poses, since lifting data has no images. A config of an
image-based model puts `dict(_delete_=True, type='PoseVisualizationHook', enable=False)`
there.
"""

default_scope = 'mmpose'
custom_imports = dict(imports=['mmpose_ext'], allow_failed_imports=False)

default_hooks = dict(
    timer=dict(type='IterTimerHook'),
    logger=dict(type='LoggerHook', interval=50),
    param_scheduler=dict(type='ParamSchedulerHook'),
    checkpoint=dict(
        type='CheckpointHook',
        interval=1,
        max_keep_ckpts=2,  # one stays whole if the run is killed while it writes
        save_last=True,
        save_best='MPJPE',
        rule='less',
    ),
    sampler_seed=dict(type='DistSamplerSeedHook'),
    step_seed=dict(type='StepSeedHook'),
    non_finite_loss=dict(type='NonFiniteLossHook'),
    visualization=dict(type='PosePictureHook', enable=False),
    learning_curve=dict(type='LearningCurveHook'),
    run_summary=dict(type='RunSummaryHook'),
)
custom_hooks = [dict(type='SyncBuffersHook')]

env_cfg = dict(
    cudnn_benchmark=False,
    mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0),
    dist_cfg=dict(backend='nccl'),
)
randomness = dict(seed=0)

# Other backends: dict(type='TensorboardVisBackend'), dict(type='WandbVisBackend').
vis_backends = [dict(type='LocalVisBackend')]
# Training writes scalars through it; MMPose's lifting demo draws with it. Without a
# name it takes the run's, so that runs of one process do not write into one file.
visualizer = dict(type='LiftingVisualizer', vis_backends=vis_backends)

log_processor = dict(type='LogProcessor', window_size=50, by_epoch=True, num_digits=6)
log_level = 'INFO'

load_from = None
resume = False

# `--auto-scale-lr` multiplies the learning rate by (actual batch) / base_batch_size.
auto_scale_lr = dict(enable=False, base_batch_size=16)

train_cfg = dict(by_epoch=True)
val_cfg = dict()
test_cfg = dict()
