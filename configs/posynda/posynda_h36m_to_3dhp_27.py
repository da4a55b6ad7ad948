# PoSynDA from Human3.6M to MPI-INF-3DHP (Table 2), ground-truth 2D, T = 27: adapts to
# the 2D of the training people, scored on TS1 to TS6. 196,650 numbers are trained.
# Train the source first:
#   python tools/train.py configs/posynda/d3dp_h36m_27.py
# The root of hypotheses from the target's truth instead of from its 2D (marked):
#   --cfg-options model.train_cfg.root=ground_truth \
#       train_dataloader.dataset.datasets.1.target_root=True
_base_ = [
    '../_base_/models/posynda.py',
    '../_base_/datasets/h36m_to_3dhp_adaptation.py',
    '../_base_/schedules/posynda.py',
]

load_from = 'work_dirs/d3dp_h36m_27/epoch_400.pth'
