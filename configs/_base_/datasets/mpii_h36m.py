# MPII with its labels, Human3.6M's training people without, scored on its test people.
# The checkpoint is chosen on MPII: no label of Human3.6M counts.
_base_ = ['mpii_semi.py', 'h36m_triangulated.py']

train_dataloader = dict(
    dataset=dict(unlabelled=dict(_delete_=True, **_base_.h36m_people))
)
test_dataloader = dict(_delete_=True, **_base_.h36m_test)
test_evaluator = dict(_delete_=True, **_base_.h36m_evaluator)
