# Simulated sensors, small: all four, concatenation.
#   python tools/train.py configs/mmfi/concat_synthetic.py
_base_ = [
    '../_base_/models/mmfi_small.py',
    '../_base_/datasets/mmfi_synthetic.py',
    '../_base_/schedules/mmfi_synthetic.py',
    '../_base_/balancing.py',
]
model = dict(test_cfg=dict(subsets='all'))
