# Methods that balance modalities, with the settings of their papers, but for the cap of
# 64 batches on each estimate of Fisher information, which is ours, and OGM-GE's alpha,
# which is BalanceBenchmark's.
awc = dict(
    type='FisherInformationHook',
    alpha_superior=20000.0,
    alpha_inferior=10000.0,
    num_batches=64,
)
relearning = dict(type='ModalityRelearningHook', alpha_superior=0.5, alpha_inferior=0.7)
gradient_blending = dict(type='GradientBlendingHook')
modality_resampling = dict(type='ModalityResamplingHook')
ogm_ge = dict(type='OGMGEOptimWrapper', alpha=0.3)
agm = dict(type='AGMOptimWrapper', alpha=1.0, clip_grad=dict(max_norm=1.0))
mm_pareto = dict(type='MMParetoOptimWrapper', gain=1.5)
