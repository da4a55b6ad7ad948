# MM-Fi, all four sensors: Adaptive re-learning (Peng et al., arXiv v1).
_base_ = './concat.py'
default_hooks = dict(relearning=dict(**_base_.relearning, epoch=20))
