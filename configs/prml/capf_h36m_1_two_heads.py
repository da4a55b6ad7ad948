# CA-PF with two regression heads (Tables 7 and 8): 2D pose and depth apart.
_base_ = './capf_h36m_1.py'

model = dict(
    head=dict(
        type='TwoBranchRegressionHead',
        hidden_dims=512,
        losses=dict(pose=dict(_delete_=True, type='DecoupledPoseLoss')),
    )
)
