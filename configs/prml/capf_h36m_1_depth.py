# CA-PF with depth features of Depth Anything (small) as a fifth map (Table 14). After
# the maps of capf_h36m_1.py:
#   python tools/dataset_converters/image_features_to_store.py data/h36m_cpn \
#       depth-anything --weights weights/depth-anything-small-hf \
#       --images 'H36M/{subject}/Videos/{video}.{camera}.mp4'
_base_ = './capf_h36m_1.py'

model = dict(
    backbone=dict(features=dict(depth_anything=(64, 32, 32))),
    head=dict(in_channels=6 * 128),
)
features = [
    *('hrnet_0', 'hrnet_1', 'hrnet_2', 'hrnet_3'),
    *('depth_anything', 'crop_keypoints'),
]
train_dataloader = dict(dataset=dict(features=features))
val_dataloader = dict(dataset=dict(features=features))
test_dataloader = val_dataloader
