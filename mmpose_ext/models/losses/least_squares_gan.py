"""The two sides of a least-squares GAN."""

from __future__ import annotations

from torch import Tensor

from mmpose_ext.models.losses.weighted_mean import weighted_mean


def least_squares_discriminator_loss(
    real: Tensor,
    generated: Tensor,
    real_weight: Tensor | None = None,
    generated_weight: Tensor | None = None,
) -> Tensor:
    """Wants 1 for what is real and 0 for what is generated (Mao et al., ICCV 2017).

    Half the sum of the two mean squared errors: 0 for a discriminator that knows, 0.25
    for one that says 0.5 to everything.

    Args:
        real: Scores of any shape.
        generated: Scores of any shape.
        real_weight: 1 for scores that count, the same shape as ``real``.
        generated_weight: Likewise of ``generated``.
    """
    wrong_real = weighted_mean((real - 1).square(), real_weight)
    return 0.5 * (wrong_real + weighted_mean(generated.square(), generated_weight))


def least_squares_generator_loss(
    generated: Tensor, weight: Tensor | None = None
) -> Tensor:
    """Wants 1 for what is generated: half the mean squared error.

    Args:
        generated: The discriminator's scores, any shape.
        weight: 1 for scores that count, the same shape.
    """
    return 0.5 * weighted_mean((generated - 1).square(), weight)
