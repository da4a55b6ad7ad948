# MotionBERT with two regression heads (Tables 7 and 8): 2D pose and depth apart.
# The losses are those of PrML: MotionBERT's scale-free term, which couples the axes and
# whose gradient grows without bound as predictions near zero, keeps two heads there.
_base_ = './motionbert_h36m_243.py'

model = dict(
    head=dict(
        type='TwoBranchRegressionHead',
        losses=dict(
            _delete_=True,
            pose=dict(type='DecoupledPoseLoss'),
            velocity=dict(type='VelocityLoss', loss_weight=20.0),
        ),
    )
)
