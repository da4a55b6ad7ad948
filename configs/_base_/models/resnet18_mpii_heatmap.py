# SimpleBaseline with ResNet-18, for MPII's 16 joints at 256 x 256.
_base_ = 'resnet18_heatmap.py'

mpii_head = dict(
    out_channels=16, decoder=dict(input_size=(256, 256), heatmap_size=(64, 64))
)
resnet18 = dict(head=mpii_head)
other_resnet18 = dict(head=mpii_head)
