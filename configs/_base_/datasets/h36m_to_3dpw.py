# Source Human3.6M, scored on the test set of 3DPW (PoSynDA, Table 4), T = 27, 2D
# projected from the truth. See pw3d.py for the store and what it says of SMPL.
_base_ = './h36m_27.py'

val_dataloader = dict(dataset=dict(store='data/pw3d', tail='last_window'))
test_dataloader = val_dataloader

val_evaluator = dict(
    _delete_=True,
    type='PoseLiftingMetric',
    joints=(
        *('right_hip', 'right_knee', 'right_foot'),
        *('left_hip', 'left_knee', 'left_foot'),
        *('thorax', 'head'),
        *('left_shoulder', 'left_elbow', 'left_wrist'),
        *('right_shoulder', 'right_elbow', 'right_wrist'),
    ),
)
test_evaluator = val_evaluator
