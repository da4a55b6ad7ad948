# Source Human3.6M, scored on TS1 to TS6 of MPI-INF-3DHP (PoSynDA, Table 2), T = 27,
# ground-truth 2D, metres. See mpi_inf_3dhp.py for the store; here it holds annot3:
#   python tools/dataset_converters/mpi_inf_3dhp_to_store.py mpi_inf_3dhp \
#       --annotation annot3 --out data/mpi_inf_3dhp_annot3
# Every valid frame is scored once, every sequence counts the same, as in D3DP.
_base_ = './h36m_27.py'

val_dataloader = dict(
    dataset=dict(store='data/mpi_inf_3dhp_annot3', tail='last_window')
)
test_dataloader = val_dataloader

val_evaluator = dict(
    _delete_=True,
    type='PoseLiftingMetric',
    weighting='sequence',
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
