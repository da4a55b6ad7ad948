# PoSynDA on Human3.6M, from S1 to other people (Table 1), ground-truth 2D, T = 243:
# adapts to the 2D of S5 and S6, scored on S7 and S8. Train the source first:
#   python tools/train.py configs/posynda/d3dp_h36m_s1_243.py
_base_ = [
    '../_base_/models/posynda.py',
    '../_base_/datasets/h36m_s1_adaptation.py',
    '../_base_/schedules/posynda.py',
]

model = dict(backbone=dict(seq_len=243))
load_from = 'work_dirs/d3dp_h36m_s1_243/epoch_400.pth'
