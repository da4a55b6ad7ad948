# D3DP on subject S1 of Human3.6M, ground-truth 2D, T = 243: the source of Table 1,
# scored on other people without adaptation.
_base_ = [
    '../_base_/models/diffusion_mixste.py',
    '../_base_/datasets/h36m_s1.py',
    '../_base_/schedules/d3dp.py',
]

model = dict(backbone=dict(seq_len=243))
auto_scale_lr = dict(base_batch_size=4)
