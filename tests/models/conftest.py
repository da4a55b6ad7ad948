"""Tiny lifters, batches for them, and what is logged."""

from __future__ import annotations

import logging

import pytest
import torch
from mmengine.logging import MMLogger
from mmengine.structures import InstanceData
from mmpose.registry import MODELS
from mmpose.structures import PoseDataSample

from mmpose_ext.geometry import FLIP_INDICES

WIDTH = 1000


def lifter_config(kind='prml', *, seq_len=3, target='camera', **options):
    """Config of a lifter of 8 channels: 'prml', 'motionbert' or 'mixste'."""
    size = dict(embed_dims=8, seq_len=seq_len, num_heads=2, mlp_ratio=2)
    pose = dict(pose=dict(type='JointErrorLoss'))
    if kind == 'prml':
        parts = dict(
            backbone=dict(type='PrMLBackbone', depth_2d=1, depth_d=1, **size),
            neck=dict(type='TaskAwareDecoder', **size),
            head=dict(
                type='PrMLHead',
                hidden_dims=8,
                losses=dict(
                    pose=dict(type='DecoupledPoseLoss'),
                    velocity=dict(type='VelocityLoss', loss_weight=20.0),
                ),
                loss_mi=dict(type='BarberAgakovLoss', loss_weight=0.01),
            ),
        )
    elif kind == 'motionbert':
        parts = dict(
            backbone=dict(type='MotionBERT', depth=1, **size),
            head=dict(type='PoseRegressionHead', hidden_dims=8, losses=pose),
        )
    else:
        parts = dict(
            backbone=dict(type='MixSTE', in_channels=3, depth=2, **size),
            head=dict(type='PoseRegressionHead', norm=True, losses=pose),
        )
    parts['head'].update(
        in_channels=8, decoder=dict(type='LiftingLabel', target=target)
    )
    return dict(type='SequenceLifter', **parts, **options)


@pytest.fixture(scope='session')
def make_config():
    """The function that makes the config of a lifter."""
    return lifter_config


@pytest.fixture(scope='session')
def make_lifter():
    """Builds a lifter; options as of `lifter_config`, and a seed."""

    def make(kind='prml', *, seed=0, **options):
        torch.manual_seed(seed)
        return MODELS.build(lifter_config(kind, **options))

    return make


@pytest.fixture(scope='session')
def make_batch():
    """Builds random inputs (B, T, 17, 3) and labelled data samples."""

    def make(batch=2, seq_len=3, *, factor=0.004, seed=0):
        generator = torch.Generator().manual_seed(seed)
        inputs = torch.rand((batch, seq_len, 17, 3), generator=generator)
        inputs[..., :2] = 2 * inputs[..., :2] - 1
        samples = []
        for _ in range(batch):
            label = torch.randn((seq_len, 17, 3), generator=generator)
            labels = InstanceData()
            labels.lifting_target_label = label - label[:, :1]
            labels.lifting_target_weight = torch.ones(seq_len, 17)
            sample = PoseDataSample(
                metainfo=dict(
                    flip_indices=list(FLIP_INDICES),
                    camera_param=dict(w=WIDTH, h=1002),
                    factor=torch.full((seq_len,), factor).numpy(),
                )
            )
            sample.gt_instance_labels = labels
            samples.append(sample)
        return inputs, samples

    return make


class _Collector(logging.Handler):
    def __init__(self):
        super().__init__(logging.WARNING)
        self.messages = []

    def emit(self, record):
        self.messages.append(record.getMessage())


@pytest.fixture
def warned():
    """Warnings that went to MMEngine's logger during the test."""
    logger, collector = MMLogger.get_current_instance(), _Collector()
    logger.addHandler(collector)
    yield collector.messages
    logger.removeHandler(collector)
