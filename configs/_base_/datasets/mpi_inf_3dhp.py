# MPI-INF-3DHP, ground-truth 2D, camera-space target in units of 1.024 m: the protocol
# of P-STMO and its followers (MotionAGFormer, PrML). Make it (--help: other sources):
#   python tools/dataset_converters/mpi_inf_3dhp_to_store.py data_train_3dhp.npz \
#       data_test_3dhp.npz --out data/mpi_inf_3dhp
# A config sets seq_len. Tests centre a window on each valid frame and score that frame
# alone. Windows that tile the sequences and score every valid frame in them:
#   --cfg-options val_dataloader.dataset.scored=all test_dataloader.dataset.scored=all
# The followers' own de-normalisation, which shrinks TS5 and TS6 by 6.25 %:
#   --cfg-options model.head.decoder.denormalization=legacy
# Every sequence counts the same, as in D3DP and PoSynDA (which use annot3):
#   --cfg-options test_evaluator.weighting=sequence
# Per activity, from a store made of the official release:
#   --cfg-options test_evaluator.group_by="['activity']"
_base_ = './lifting.py'

codec = dict(type='LiftingLabel', target='camera', unit=1.024)
pipeline = [
    dict(type='GenerateTarget', encoder=codec),
    dict(type='PackLiftingInputs', extra_meta_keys=('activity',)),
]
data = dict(
    store='data/mpi_inf_3dhp',
    seq_len=81,
    keypoints_2d='gt',
    target='camera',
    pipeline=pipeline,
)
train_dataloader = dict(
    batch_size=16, dataset=dict(**data, stride=9, tail='last_window')
)
val_dataloader = dict(batch_size=64, dataset=dict(**data, scored='centre'))
test_dataloader = val_dataloader

# PCK and AUC leave out pelvis, spine and the middle of the head (neck_base).
val_evaluator = dict(
    type='PoseLiftingMetric',
    group_by=('subject',),
    pck_joints=(
        *('head', 'thorax'),
        *('right_shoulder', 'right_elbow', 'right_wrist'),
        *('left_shoulder', 'left_elbow', 'left_wrist'),
        *('right_hip', 'right_knee', 'right_foot'),
        *('left_hip', 'left_knee', 'left_foot'),
    ),
)
test_evaluator = val_evaluator
