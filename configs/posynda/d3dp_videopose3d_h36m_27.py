# Diffusion with VideoPose3D as denoiser on Human3.6M, ground-truth 2D, T = 27.
_base_ = [
    '../_base_/models/diffusion_videopose3d.py',
    '../_base_/datasets/h36m_27.py',
    '../_base_/schedules/d3dp.py',
]

auto_scale_lr = dict(base_batch_size=36)
