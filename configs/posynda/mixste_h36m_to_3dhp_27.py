# MixSTE on Human3.6M, scored on MPI-INF-3DHP, T = 27 (Table 2, source only).
# Supervised by the target's training set:
#   --cfg-options train_dataloader.dataset.store=data/mpi_inf_3dhp_annot3
_base_ = [
    '../_base_/models/mixste.py',
    '../_base_/datasets/h36m_to_3dhp.py',
    '../_base_/schedules/d3dp.py',
]

auto_scale_lr = dict(base_batch_size=36)
