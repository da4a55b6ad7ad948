# The paper's setting of posynda_h36m_to_3dpw_27.py: adapts to
# the 2D of the test set, on which it is then scored.
_base_ = './posynda_h36m_to_3dpw_27.py'

model = dict(train_cfg=dict(setting='transductive'))
train_dataloader = dict(
    dataset=dict(datasets=[_base_.source, dict(_base_.target, split='test')])
)
