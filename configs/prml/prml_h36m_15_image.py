# PrML with SDXL-VAE latents of each frame, T = 15 (Table 13). Store them first:
#   python tools/dataset_converters/image_features_to_store.py --help
# The rows of the table:
#   2D branch     --cfg-options model.backbone.image_features.to=2d
#   depth branch  --cfg-options model.backbone.image_features.to=d
#   all           as it stands
#   none          --cfg-options model.backbone.image_features=None \
#       train_dataloader.dataset.features=() val_dataloader.dataset.features=() \
#       test_dataloader.dataset.features=()
_base_ = './prml_h36m_243.py'

model = dict(
    backbone=dict(
        seq_len=15,
        image_features=dict(
            name='sdxl_vae', to='both', channels=4, resolution=(32, 32)
        ),
    ),
    neck=dict(seq_len=15),
)
data = dict(features=['sdxl_vae'], seq_len=15)
train_dataloader = dict(dataset=dict(**data, stride=5))
val_dataloader = dict(dataset=dict(**data, stride=15))
test_dataloader = val_dataloader
