# 3DPW, OpenPose 2D of its files, camera-space target in metres, clips of T = 16. Make:
#   python tools/dataset_converters/pw3d_to_store.py 3DPW --out data/pw3d \
#       --smpl-dir models/smpl --square
# --square normalises the 2D by 1920 in portrait and landscape, as MotionBERT does.
# Without --smpl-dir the truth is not that of the 14-joint protocol, and store and
# results say so. Frames without a valid camera are seen but never scored. Poses are
# taken relative to joint 0 of the regressed joints; errors are those of 14 joints.
# Ground-truth 2D: --cfg-options train_dataloader.dataset.keypoints_2d=gt \
#     val_dataloader.dataset.keypoints_2d=gt test_dataloader.dataset.keypoints_2d=gt
_base_ = './lifting.py'

codec = dict(type='LiftingLabel', target='camera')
pipeline = [
    dict(type='GenerateTarget', encoder=codec),
    dict(type='PackLiftingInputs'),
]
data = dict(
    store='data/pw3d',
    seq_len=16,
    tail='last_window',
    keypoints_2d='det',
    target='camera',
    pipeline=pipeline,
)
train_dataloader = dict(batch_size=128, dataset=dict(**data, stride=8))
val_dataloader = dict(batch_size=128, dataset=dict(**data, stride=16))
test_dataloader = val_dataloader

# Joints 1 to 6, 8 and 10 to 16: without pelvis, spine and the middle of the head.
val_evaluator = dict(
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
