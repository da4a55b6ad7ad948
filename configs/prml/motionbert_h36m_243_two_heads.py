# MotionBERT with two regression heads (Tables 7 and 8): 2D pose and depth apart.
_base_ = './motionbert_h36m_243.py'

model = dict(
    head=dict(
        type='TwoBranchRegressionHead',
        losses=dict(pose=dict(_delete_=True, type='DecoupledPoseLoss')),
    )
)
