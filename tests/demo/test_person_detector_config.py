"""The detector of rendered people learns from their files, and the chain runs it."""

from pathlib import Path

import cv2
import torch
from mmdet.registry import DATASETS, MODELS
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.registry import DefaultScope

from mmpose_ext.apis.person_detection import PersonDetector
from mmpose_ext.apis.video_frames import VideoFrame
from mmpose_ext.datasets.synthetic_coco import write_coco

CONFIG = Path(__file__).parents[2] / 'demo/configs/person_detector_synthetic.py'


def trained(config):
    """The detector after some steps on four pictures."""
    torch.manual_seed(0)
    model = MODELS.build(config.model)
    dataset = DATASETS.build(config.train_dataloader.dataset)
    assert len(dataset) == 4, 'the sets are found where the config looks for them'
    batch = pseudo_collate([dataset[i % 4] for i in range(4)])
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    losses = []
    for _ in range(8):
        data = model.data_preprocessor(batch, training=True)
        assert data['inputs'].shape == (4, 3, 256, 320)
        loss, _ = model.parse_losses(model(**data, mode='loss'))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.9 * losses[0]
    return model, dataset


def test_trains_and_detects(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ('coco', 'walkers'):
        write_coco(
            f'data/synthetic_{name}', num_images=2, num_val_images=2, size=(160, 120)
        )
    config = Config.fromfile(CONFIG)
    with DefaultScope.overwrite_default_scope('mmdet'):
        model, dataset = trained(config)

    torch.save({'state_dict': model.state_dict()}, tmp_path / 'detector.pth')
    detector = PersonDetector(
        CONFIG, tmp_path / 'detector.pth', device='cpu', score_threshold=0.0
    )
    image = dataset.datasets[0].get_data_info(0)['img_path']
    frame = VideoFrame(0, 0.0, cv2.imread(image))
    (found,) = detector([frame])
    assert len(found) and found.boxes.shape == (len(found), 4)
    assert (found.boxes[:, 2:] <= torch.tensor([160, 120]).numpy() + 1).all()
