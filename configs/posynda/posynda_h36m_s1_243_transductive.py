# The paper's setting of posynda_h36m_s1_243.py: adapts to
# the 2D of S5, S6, S7 and S8, on which it is then scored.
_base_ = './posynda_h36m_s1_243.py'

model = dict(train_cfg=dict(setting='transductive'))
everyone = dict(subjects=['S5', 'S6', 'S7', 'S8'])
train_dataloader = dict(
    dataset=dict(datasets=[_base_.source, dict(_base_.target, **everyone)])
)
val_dataloader = dict(dataset=everyone)
test_dataloader = val_dataloader
