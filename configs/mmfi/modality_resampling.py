# MM-Fi, all four sensors: Modality-level re-sampling (CVPR 2024).
_base_ = './concat.py'
train_dataloader = dict(sampler=dict(_delete_=True, type='ModalityResampler'))
default_hooks = dict(resampling=dict(**_base_.modality_resampling, warm_up=5))
