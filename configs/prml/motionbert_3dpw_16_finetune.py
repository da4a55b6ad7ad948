# MotionBERT fine-tuned on 3DPW from Human3.6M weights (Table 15), with the learning
# rates of its recipe: 5e-5 for the backbone, 5e-4 for the head. The weights come from
# motionbert_h36m_243.py, or are public ones after
#   python tools/misc/convert_checkpoint.py --from motionbert best_epoch.bin \
#       models/motionbert_h36m.pth --config configs/prml/motionbert_h36m_243.py
# Its temporal embedding of T = 243 is sliced to 16 at loading, which the log says.
# Another file: --cfg-options load_from=FILE
_base_ = './motionbert_3dpw_16.py'

load_from = 'models/motionbert_h36m.pth'
optim_wrapper = dict(
    optimizer=dict(lr=5e-5),
    paramwise_cfg=dict(custom_keys={'head.': dict(lr_mult=10.0)}),
)
