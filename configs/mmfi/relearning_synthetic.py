# Simulated sensors, small: Adaptive re-learning (Peng et al., arXiv v1).
_base_ = './concat_synthetic.py'
default_hooks = dict(relearning=dict(**_base_.relearning, epoch=4))
