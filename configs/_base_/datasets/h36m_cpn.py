# Human3.6M from VideoPose3D's files, the protocol of MixSTE: camera-space target in
# metres, CPN detections without confidence. Make it:
#   python tools/dataset_converters/videopose3d_to_store.py data_3d_h36m.npz \
#       data_2d_h36m_cpn_ft_h36m_dbb.npz --out data/h36m_cpn
_base_ = './h36m_sh.py'

codec = dict(type='LiftingLabel', target='camera', confidence=False)
pipeline = [
    dict(type='GenerateTarget', encoder=codec),
    dict(type='PackLiftingInputs'),
]
data = dict(
    store='data/h36m_cpn',
    tail='last_window',
    short='pad',
    target='camera',
    pipeline=pipeline,
)
train_dataloader = dict(dataset=data)
val_dataloader = dict(dataset=data)
test_dataloader = dict(dataset=data)

val_evaluator = dict(_delete_=True, type='PoseLiftingMetric', weighting='action')
test_evaluator = val_evaluator
