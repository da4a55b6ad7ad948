"""Tiny diffusion lifters and batches with cameras."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData
from mmpose.registry import MODELS
from mmpose.structures import PoseDataSample

from mmpose_ext.geometry import FLIP_INDICES

WIDTH, HEIGHT = 1920, 1080
FOCAL, CENTRE = (1500.0, 1490.0), (930.0, 570.0)


def diffusion_config(kind='DiffusionLifter', *, seq_len=3, **options):
    """Config of a diffusion lifter of 8 channels."""
    return dict(
        type=kind,
        backbone=dict(
            type='DiffusionMixSTE',
            embed_dims=8,
            depth=2,
            num_heads=2,
            seq_len=seq_len,
            drop_path_rate=0.0,
        ),
        head=dict(
            type='PoseRegressionHead',
            in_channels=8,
            norm=True,
            losses=dict(pose=dict(type='PoseSquaredErrorLoss')),
            decoder=dict(type='LiftingLabel', target='camera', confidence=False),
        ),
        **options,
    )


@pytest.fixture(scope='session')
def make_diffusion_lifter():
    """Builds one; options as of `diffusion_config`, and a seed."""

    def make(kind='DiffusionLifter', *, seed=0, **options):
        torch.manual_seed(seed)
        model = MODELS.build(diffusion_config(kind, **options))
        # Far from a constant output, so that input and noise matter.
        torch.nn.init.normal_(model.head.regression.weight, std=0.1)
        return model

    return make


@pytest.fixture(scope='session')
def make_camera_batch():
    """Builds windows of people before a camera: normalised 2D, samples, true roots.

    With ``labels='alternate'`` each second sample is of 2D alone.
    """

    def make(batch=2, seq_len=3, *, labels='all', cameras=True, seed=0):
        generator = torch.Generator().manual_seed(seed)
        pose = 0.35 * torch.randn((batch, 1, 17, 3), generator=generator)
        pose = pose + 0.03 * torch.randn((batch, seq_len, 17, 3), generator=generator)
        pose = pose - pose[:, :, :1]
        root = torch.tensor([0.3, -0.1, 5.0]) + 0.2 * torch.randn(
            (batch, 1, 3), generator=generator
        ).expand(-1, seq_len, -1)
        absolute = pose + root[:, :, None]
        pixels = absolute[..., :2] / absolute[..., 2:] * torch.tensor(
            FOCAL
        ) + torch.tensor(CENTRE)
        keypoints = 2 * pixels / WIDTH - torch.tensor([1, HEIGHT / WIDTH])
        samples = []
        for number in range(batch):
            camera = dict(w=WIDTH, h=HEIGHT)
            if cameras:
                camera |= dict(f=np.float32(FOCAL), c=np.float32(CENTRE))
            sample = PoseDataSample(
                metainfo=dict(
                    flip_indices=list(FLIP_INDICES),
                    camera_param=camera,
                    sample_name=f'walk[{number}:{number + seq_len}]',
                    root_cam=root[number].numpy(),
                )
            )
            sample.gt_instance_labels = InstanceData()
            if labels == 'all' or number % 2 == 0:
                sample.gt_instance_labels.lifting_target_label = pose[number]
            sample.gt_instance_labels.lifting_target_weight = torch.ones(seq_len, 17)
            samples.append(sample)
        return keypoints, samples, pose, root

    return make
