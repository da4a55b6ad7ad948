"""Images, joints and how an operator is called."""

import pytest
import torch
from no_waiting import NoWaiting

FILL = torch.tensor([124.0, 116.0, 104.0])


@pytest.fixture
def batch():
    """Six noisy images of 96 x 128 with four joints, one outside."""
    generator = torch.Generator().manual_seed(0)
    images = 255 * torch.rand(6, 3, 128, 96, generator=generator)
    joints = torch.rand(6, 4, 2, generator=generator) * torch.tensor([96.0, 128.0])
    joints[:, 3] = torch.tensor([150.0, -40.0])
    return images, joints, torch.rand(6, 4, generator=generator)


@pytest.fixture
def call():
    """Apply an operator; never waits for a device, never changes its input."""

    def call(operator, images, joints=None, scores=None, *, seed=0):
        joints = torch.zeros(len(images), 1, 2) if joints is None else joints
        scores = torch.ones(joints.shape[:2]) if scores is None else scores
        before = images.clone()
        generator = torch.Generator().manual_seed(seed)
        with NoWaiting():
            changed = operator(images, joints, scores, generator=generator, fill=FILL)
        assert torch.equal(images, before), 'the input is left alone'
        assert changed.shape == images.shape and changed.dtype == images.dtype
        return changed

    return call
