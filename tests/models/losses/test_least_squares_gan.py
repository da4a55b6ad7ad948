import torch
from torch.testing import assert_close

from mmpose_ext.models.losses import (
    least_squares_discriminator_loss,
    least_squares_generator_loss,
)


def test_values():
    real, generated = torch.tensor([1.0, 0.6]), torch.tensor([0.0, 0.2])
    loss = least_squares_discriminator_loss(real, generated)
    assert_close(loss, torch.tensor((0.16 / 2 + 0.04 / 2) / 2))
    assert_close(
        least_squares_generator_loss(generated), torch.tensor((1 + 0.64) / 2 / 2)
    )


def test_weights():
    """What does not count has no say."""
    real, generated = torch.tensor([1.0, 9.0]), torch.tensor([8.0, 0.4])
    kept, other = torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0])
    loss = least_squares_discriminator_loss(real, generated, kept, other)
    assert_close(loss, torch.tensor(0.08))
    assert_close(least_squares_generator_loss(generated, other), torch.tensor(0.18))


def test_at_a_loss():
    scores = torch.full((3, 2), 0.5)
    assert least_squares_discriminator_loss(scores, scores) == 0.25
    assert least_squares_generator_loss(torch.ones(3)) == 0
