# PoSynDA from Human3.6M to 3DPW (Table 4), 2D projected from the truth, T = 27: adapts
# to the 2D of the training set, scored on the test set. Train the source first:
#   python tools/train.py configs/posynda/d3dp_h36m_27.py
_base_ = [
    '../_base_/models/posynda.py',
    '../_base_/datasets/h36m_to_3dpw_adaptation.py',
    '../_base_/schedules/posynda.py',
]

load_from = 'work_dirs/d3dp_h36m_27/epoch_400.pth'
