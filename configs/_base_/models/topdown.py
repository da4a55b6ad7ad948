# What an ordinary top-down estimator has besides its networks.
topdown = dict(
    data_preprocessor=dict(
        type='PoseDataPreprocessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
    ),
    test_cfg=dict(flip_test=False),
)
