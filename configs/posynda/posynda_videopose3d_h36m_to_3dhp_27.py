# PoSynDA with VideoPose3D as denoiser, from Human3.6M to MPI-INF-3DHP (Table 2). It has
# no attention: LoRA goes to the convolutions that are not dilated. Train the source
# first:
#   python tools/train.py configs/posynda/d3dp_videopose3d_h36m_27.py
_base_ = [
    '../_base_/models/diffusion_videopose3d.py',
    '../_base_/datasets/h36m_to_3dhp_adaptation.py',
    '../_base_/schedules/posynda.py',
]

model = dict(
    type='PoSynDALifter',
    lora=dict(rank=4, targets=['conv2.0.conv']),
    bias='pck',
    head=dict(losses=dict(pose=dict(type='PoseSquaredErrorLoss'))),
    train_cfg=dict(setting='inductive', num_hypotheses=3),
)
load_from = 'work_dirs/d3dp_videopose3d_h36m_27/epoch_400.pth'
