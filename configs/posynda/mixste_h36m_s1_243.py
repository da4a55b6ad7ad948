# MixSTE on subject S1 of Human3.6M, scored on other people, ground-truth 2D (Table 1,
# source only). Supervised by the people that PoSynDA adapts to:
#   --cfg-options train_dataloader.dataset.subjects="['S1','S5','S6']"
_base_ = [
    '../_base_/models/mixste.py',
    '../_base_/datasets/h36m_s1.py',
    '../_base_/schedules/d3dp.py',
]

model = dict(backbone=dict(seq_len=243))
auto_scale_lr = dict(base_batch_size=4)
