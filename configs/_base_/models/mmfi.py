# One encoder a sensor. The attention over points is 64 wide; the published networks'
# widths are those of configs/mmfi/concat_width512.py.
model = dict(
    type='MultiModalPoseEstimator',
    encoders=dict(
        rgb=dict(type='VideoPose3DEncoder', kernel_sizes=(3, 3, 3)),
        lidar=dict(type='PointTransformer', in_channels=3, transformer_dim=64),
        mmwave=dict(
            type='PointTransformer',
            in_channels=5,
            transformer_dim=64,
            stage_points=(32, None, None, None),
        ),
        wifi=dict(type='MetaFi'),
    ),
    fusion=dict(type='ConcatFusion'),
)
