# D3DP on Human3.6M, CPN 2D, T = 243: its own protocol, and a source to adapt from.
# Public weights: tools/misc/convert_checkpoint.py --from d3dp
# Its other scores, and more hypotheses and steps, in a test:
#   --cfg-options model.test_cfg.num_hypotheses=5 model.test_cfg.sampling_steps=5 \
#       test_evaluator.type=MultiHypothesisMetric
_base_ = [
    '../_base_/models/diffusion_mixste.py',
    '../_base_/datasets/h36m_cpn.py',
    '../_base_/schedules/d3dp.py',
]

model = dict(backbone=dict(seq_len=243))
train_dataloader = dict(batch_size=4, dataset=dict(stride=243))
auto_scale_lr = dict(base_batch_size=4)
