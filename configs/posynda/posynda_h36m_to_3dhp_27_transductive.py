# The paper's setting of posynda_h36m_to_3dhp_27.py: adapts to
# the 2D of TS1 to TS6, on which it is then scored.
_base_ = './posynda_h36m_to_3dhp_27.py'

model = dict(train_cfg=dict(setting='transductive'))
train_dataloader = dict(
    dataset=dict(datasets=[_base_.source, dict(_base_.target, split='test')])
)
