# MM-Fi, all four sensors, point networks of the published widths (512 and 128). The
# attention is computed again in the backward pass: it would not fit otherwise.
_base_ = './concat.py'
model = dict(
    encoders=dict(
        lidar=dict(transformer_dim=512, with_cp=True),
        mmwave=dict(transformer_dim=128, with_cp=True),
    )
)
