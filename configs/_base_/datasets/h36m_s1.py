# Human3.6M, from one person to others (PoSynDA, Table 1): ground-truth 2D, source S1,
# scored on S7 and S8. See h36m_cpn.py for how to make the store.
# The paper scores on all of S5, S6, S7, S8: --cfg-options \
#     test_dataloader.dataset.subjects="['S5','S6','S7','S8']"
_base_ = './h36m_cpn.py'

train_dataloader = dict(
    batch_size=4,
    dataset=dict(subjects=['S1'], keypoints_2d='gt', stride=243),
)
val_dataloader = dict(
    dataset=dict(split='train', subjects=['S7', 'S8'], keypoints_2d='gt')
)
test_dataloader = val_dataloader
