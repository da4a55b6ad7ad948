# PoSynDA on the denoiser of D3DP: LoRA of rank 4 on all attentions, a bias for the 14
# joints of the PCK score, three hypotheses (section 4.2).
_base_ = './diffusion_mixste.py'

model = dict(
    type='PoSynDALifter',
    lora=dict(rank=4),
    bias='pck',
    head=dict(losses=dict(pose=dict(type='PoseSquaredErrorLoss'))),
    train_cfg=dict(setting='inductive', num_hypotheses=3),
)
