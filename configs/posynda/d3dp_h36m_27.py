# D3DP on Human3.6M, ground-truth 2D, T = 27: the source of the adaptations to
# MPI-INF-3DHP and 3DPW.
_base_ = [
    '../_base_/models/diffusion_mixste.py',
    '../_base_/datasets/h36m_27.py',
    '../_base_/schedules/d3dp.py',
]

auto_scale_lr = dict(base_batch_size=36)
