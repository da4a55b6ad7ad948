"""The 2D estimator of rendered people, for trying the lifting of videos."""

from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmpose.registry import MODELS

CONFIG = Path(__file__).parents[2] / 'demo/configs/pose2d_synthetic.py'


def test_sizes_fit():
    config = Config.fromfile(CONFIG)
    codec = config.codec
    width, height = codec['input_size']
    with DefaultScope.overwrite_default_scope('mmpose'):
        model = MODELS.build(config.model).eval()
    with torch.no_grad():
        heatmaps = model.head(model.backbone(torch.zeros(1, 3, height, width)))
    assert heatmaps.shape[2:] == tuple(reversed(codec['heatmap_size']))
    assert config.model.head.decoder == codec
    pipelines = [config[f'{n}_dataloader'].dataset.pipeline for n in ('train', 'val')]
    for pipeline in pipelines:
        steps = {step['type']: step for step in pipeline}
        assert tuple(steps['TopdownAffine']['input_size']) == (width, height)
        if 'GenerateTarget' in steps:
            assert steps['GenerateTarget']['encoder'] == codec
