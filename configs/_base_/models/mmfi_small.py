# The same sensors, narrow: what two cores train in minutes.
model = dict(
    type='MultiModalPoseEstimator',
    encoders=dict(
        rgb=dict(type='VideoPose3DEncoder', embed_dims=96, kernel_sizes=(3, 3)),
        lidar=dict(
            type='PointTransformer',
            in_channels=3,
            embed_dims=16,
            transformer_dim=16,
            num_neighbors=8,
            stage_points=(32, 16, 4),
        ),
        mmwave=dict(
            type='PointTransformer',
            in_channels=5,
            embed_dims=16,
            transformer_dim=16,
            num_neighbors=8,
            stage_points=(16, None),
        ),
        wifi=dict(type='MetaFi', depth=18, base_channels=8, input_size=(56, 8)),
    ),
    fusion=dict(type='ConcatFusion'),
)
