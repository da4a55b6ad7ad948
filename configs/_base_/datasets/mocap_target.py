# The target domain with its labels, for the supervised upper bound: other people than
# in the source, scaled by 0.88, through cameras of 0.75 and 1.4 times the focal length
# of Human3.6M, 1920x1080, 2 to 8 m away, pitched 0 to 30 degrees downwards. Make:
#   D=configs/_base_/datasets/mocap_domains
#   python tools/dataset_converters/mocap_to_store.py MOCAP.npz \
#       --out data/mocap_target --outside drop-frames \
#       --split $D/people.py --lists target_subjects test_subjects \
#       --cameras $D/target_cameras.json --scale 0.88
# The same people, not scaled, through Human3.6M's lenses at Human3.6M's distances, but
# from other viewpoints:
#   python tools/dataset_converters/mocap_to_store.py MOCAP.npz \
#       --out data/mocap_target_view --outside drop-frames \
#       --split $D/people.py --lists target_subjects test_subjects \
#       --cameras $D/view_cameras.json
# The same cameras see the people to adapt to and those who are scored. They were drawn
# once, which the note in each file repeats, and stay as they are.
_base_ = './mocap_source.py'

train_dataloader = dict(dataset=dict(store='data/mocap_target'))
