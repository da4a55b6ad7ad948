# The source domain of the experiments on a change of domain, and the target's scored
# people as test: some people of the CMU motion capture through the Human3.6M cameras.
# Frames in which a joint leaves the image are left out, here and in the targets. Make:
#   D=configs/_base_/datasets/mocap_domains
#   python tools/dataset_converters/mocap_to_store.py MOCAP.npz \
#       --out data/mocap_source --outside drop-frames \
#       --split $D/people.py --lists source_subjects
# The target is that of mocap_target.py. For the one that differs in viewpoint alone:
#   --cfg-options val_dataloader.dataset.store=data/mocap_target_view \
#       test_dataloader.dataset.store=data/mocap_target_view
# Diffusion lifters read 2D without a confidence, which is 1 here everywhere.
_base_ = './mocap.py'

codec = dict(type='LiftingLabel', target='camera', confidence=False)
pipeline = [
    dict(type='GenerateTarget', encoder=codec),
    dict(type='PackLiftingInputs'),
]
train_dataloader = dict(dataset=dict(store='data/mocap_source', pipeline=pipeline))
val_dataloader = dict(dataset=dict(store='data/mocap_target', pipeline=pipeline))
test_dataloader = val_dataloader
