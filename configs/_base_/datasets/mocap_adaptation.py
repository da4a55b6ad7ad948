# Adaptation of the source's labels to the target's 2D; how both are made stands in
# mocap_source.py and mocap_target.py. Inductive: the target's 2D is that of people who
# are not scored. Transductive, on the 2D of the scored people:
#   train_dataloader = dict(
#       dataset=dict(datasets=[_base_.source, {**_base_.target, 'split': 'test'}])
#   )
# For the viewpoint alone likewise, with 'store': 'data/mocap_target_view' there and in
# the datasets of val_dataloader and test_dataloader. A batch holds source and target in
# turn, so its size must be even.
_base_ = './mocap_source.py'

source = _base_.train_dataloader.dataset
target = {
    **source,
    'store': 'data/mocap_target',
    'target': None,
    'intrinsics': 'required',
}
train_dataloader = dict(
    sampler=dict(_delete_=True, type='SourceTargetSampler'),
    dataset=dict(_delete_=True, type='ConcatDataset', datasets=[source, target]),
)
