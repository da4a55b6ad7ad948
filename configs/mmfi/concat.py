# MM-Fi, all four sensors, concatenation: the baseline of the balancing methods.
#   python tools/train.py configs/mmfi/concat.py --amp
_base_ = [
    '../_base_/models/mmfi.py',
    '../_base_/datasets/mmfi.py',
    '../_base_/schedules/mmfi.py',
    '../_base_/balancing.py',
]
