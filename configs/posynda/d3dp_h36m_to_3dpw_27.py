# D3DP of Human3.6M, scored on 3DPW without adaptation:
#   python tools/test.py configs/posynda/d3dp_h36m_to_3dpw_27.py \
#       work_dirs/d3dp_h36m_27/epoch_400.pth
# Many hypotheses, as D3DP itself: --cfg-options model.test_cfg.num_hypotheses=20 \
#     model.test_cfg.sampling_steps=10 model.test_cfg.aggregation=joint
_base_ = [
    '../_base_/models/diffusion_mixste.py',
    '../_base_/datasets/h36m_to_3dpw.py',
    '../_base_/schedules/d3dp.py',
]

auto_scale_lr = dict(base_batch_size=36)
