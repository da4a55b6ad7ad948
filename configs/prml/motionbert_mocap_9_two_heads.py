# MotionBERT with two regression heads, at the parameters and steps of prml_mocap_9.
_base_ = './motionbert_mocap_9.py'

model = dict(
    head=dict(
        type='TwoBranchRegressionHead',
        losses=dict(pose=dict(_delete_=True, type='DecoupledPoseLoss')),
    )
)
