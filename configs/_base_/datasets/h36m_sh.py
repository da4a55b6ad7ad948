# Human3.6M with Stacked-Hourglass 2D, the protocol of MotionBERT and PrML: 2.5D target,
# clips of T frames, tails dropped, short videos stretched. Make it:
#   python tools/dataset_converters/motionbert_to_store.py \
#       h36m_sh_conf_cam_source_final.pkl --out data/h36m_sh
# A config sets seq_len and stride (T // 3 in training); keypoints_2d='gt' takes the 2D
# of the label instead of the detections.
_base_ = './lifting.py'

codec = dict(type='LiftingLabel', target='image')
pipeline = [
    dict(type='GenerateTarget', encoder=codec),
    dict(type='PackLiftingInputs'),
]
data = dict(
    store='data/h36m_sh',
    seq_len=243,
    tail='drop',
    short='stretch',
    keypoints_2d='det',
    target='image',
    pipeline=pipeline,
)
train_dataloader = dict(batch_size=16, dataset=dict(**data, stride=81))
val_dataloader = dict(batch_size=16, dataset=dict(**data, stride=243))
test_dataloader = val_dataloader

# Sequences whose annotation is known to be bad are not scored.
val_evaluator = dict(
    type='PoseLiftingMetric',
    weighting='action',
    camera_space=True,
    skip_sequences=(
        's_09_act_05_subact_02',
        's_09_act_10_subact_02',
        's_09_act_13_subact_01',
    ),
)
test_evaluator = val_evaluator
