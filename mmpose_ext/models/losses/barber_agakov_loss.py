"""A variational lower bound of the mutual information between label and support."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from mmpose.registry import MODELS
from torch import Tensor, nn

from mmpose_ext.models.losses.weighted_mean import weighted_mean

_LOG_2PI = math.log(2 * math.pi)


def gaussian_nll(error: Tensor, log_scale: Tensor) -> Tensor:
    """Negative log-density of a normal distribution of mean 0, in nats."""
    return 0.5 * (error * torch.exp(-log_scale)).square() + log_scale + 0.5 * _LOG_2PI


def laplace_nll(error: Tensor, log_scale: Tensor) -> Tensor:
    """Negative log-density of a Laplace distribution of mean 0, in nats."""
    return error.abs() * torch.exp(-log_scale) + log_scale + math.log(2)


@MODELS.register_module()
class BarberAgakovLoss(nn.Module):
    """Minus the Barber-Agakov bound of I(Y; S), up to the entropy of the label.

    ``I(Y; S) >= H(Y) + E[log q(Y | S)]`` for any density q. The 2D label is modelled by
    a normal, the depth by a Laplace distribution, which fit the L2 and L1 terms of
    PrML's Eq. 8; their scale is one learned number a joint and channel. The paper's
    Eq. 7 and 9 give no estimator and, as printed, would minimise the information; the
    sign is the one that its text asks for. Joints share no statistics, so that a token
    gets no credit for naming its joint.

    Args:
        loss_weight: lambda_MI; 0.01 in the paper's Table 11.
        weight_2d: lambda_2D of Eq. 7.
        weight_d: lambda_D of Eq. 7.
        num_joints: Joints K.
        constant_joints: Joints whose label is constant (the root), which carry no
            information and are left out.
        momentum: Update rate of the running statistics of the label, from which the
            logged bounds take H(Y).
        log_scale_range: Clamp of the learned log-scales.
    """

    predicts_label = True  # from the support features, by heads of its owner

    informative: Tensor
    running_mean: Tensor
    running_var: Tensor
    running_abs: Tensor
    counts: Tensor

    def __init__(
        self,
        loss_weight: float = 0.01,
        *,
        weight_2d: float = 1.0,
        weight_d: float = 1.0,
        num_joints: int = 17,
        constant_joints: Sequence[int] = (0,),
        momentum: float = 0.01,
        log_scale_range: tuple[float, float] = (-6.0, 3.0),
    ) -> None:
        super().__init__()
        self.loss_weight = loss_weight
        self.weight_2d, self.weight_d = weight_2d, weight_d
        self.momentum = momentum
        self.log_scale_range = log_scale_range
        self.log_scale = nn.Parameter(torch.full((num_joints, 3), -1.0))
        informative = torch.ones(num_joints)
        informative[list(constant_joints)] = 0
        self.register_buffer('informative', informative, persistent=False)
        self.register_buffer('running_mean', torch.zeros(num_joints, 3))
        self.register_buffer('running_var', torch.ones(num_joints, 3))
        self.register_buffer('running_abs', torch.ones(num_joints))
        self.register_buffer('counts', torch.zeros(()))

    def forward(
        self, pred: Tensor, label: Tensor, weight: Tensor | None
    ) -> dict[str, Tensor]:
        """The loss and the bounds of both terms.

        Args:
            pred: The label as predicted from the support features, ``(B, T, K, 3)``.
            label: Label of the same shape.
            weight: 1 for joints that count, ``(B, T, K)``.

        Returns:
            ``loss_mi`` and the logged estimates ``mi_2d`` and ``mi_d`` in nats a joint.
            They are lower bounds where H(Y) is exact: for normal, uncorrelated labels.
            Its fits have no covariance of x and y and are never below the true
            entropy, so other labels can give more than the true information.
        """
        valid = torch.ones_like(label[..., 0]) if weight is None else weight
        valid = valid * self.informative
        if self.training:
            # Put back rather than only clamped: beyond the range a clamp has no
            # gradient, and a scale that got there would never return.
            with torch.no_grad():
                self.log_scale.clamp_(*self.log_scale_range)
        log_scale = self.log_scale.clamp(*self.log_scale_range)
        error = label - pred
        nll_2d = gaussian_nll(error[..., :2], log_scale[:, :2]).sum(-1)
        nll_d = laplace_nll(error[..., 2], log_scale[:, 2])
        mean_2d, mean_d = weighted_mean(nll_2d, valid), weighted_mean(nll_d, valid)
        with torch.no_grad():
            if self.training:
                self._update_statistics(label, valid)
            entropy_2d, entropy_d = self._entropies(valid)
        return {
            'loss_mi': self.loss_weight
            * (self.weight_2d * mean_2d + self.weight_d * mean_d),
            'mi_2d': entropy_2d - mean_2d.detach(),
            'mi_d': entropy_d - mean_d.detach(),
        }

    def _update_statistics(self, label: Tensor, valid: Tensor) -> None:
        """Running mean, variance and absolute deviation of each joint's label."""
        weight = valid[..., None]
        total = weight.sum((0, 1)).clamp(min=1e-8)
        rate = torch.clamp(1 / (self.counts + 1), min=self.momentum)
        rate = rate * (weight.sum((0, 1)) > 0)  # unseen joints keep what they have
        mean = (label * weight).sum((0, 1)) / total
        self.running_mean.lerp_(mean, rate)
        centred = label - self.running_mean
        var = (centred.square() * weight).sum((0, 1)) / total
        deviation = (centred[..., 2].abs() * valid).sum((0, 1)) / total[..., 0]
        self.running_var.lerp_(var, rate)
        self.running_abs.lerp_(deviation, rate[:, 0])
        self.counts += 1

    def _entropies(self, valid: Tensor) -> tuple[Tensor, Tensor]:
        """Entropies of normal and Laplace fits of the label, mean over tokens."""
        var = self.running_var[:, :2].clamp(min=1e-12)
        entropy_2d = 0.5 * (1 + _LOG_2PI + var.log()).sum(-1)
        entropy_d = 1 + torch.log(2 * self.running_abs.clamp(min=1e-12))
        tokens = valid.sum((0, 1))
        return weighted_mean(entropy_2d, tokens), weighted_mean(entropy_d, tokens)
