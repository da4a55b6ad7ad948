"""A contrastive lower bound of the mutual information between label and support."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from mmpose.registry import MODELS
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from mmpose_ext.models.losses.weighted_mean import weighted_mean
from mmpose_ext.models.step_generator import step_generator


def info_nce(scores: Tensor, weight: Tensor | None = None) -> Tensor:
    """Lower bound of the mutual information by InfoNCE (van den Oord et al., 2018).

    Args:
        scores: Critic of every support with every label, ``(G, M, M)``: G groups of M
            pairs, the true pairs on the diagonal.
        weight: 1 for pairs that count, ``(G, M)``; others serve neither as anchors nor
            as negatives.

    Returns:
        The bound in nats, a scalar; at most ``log M``.
    """
    count = torch.full_like(scores[:, 0, 0], scores.shape[-1])
    if weight is not None:
        scores = scores.masked_fill((weight == 0)[:, None, :], -torch.inf)
        # An anchor that does not count keeps its own pair, so that it stays finite.
        true = torch.diagonal_scatter(
            scores, scores.diagonal(dim1=1, dim2=2).nan_to_num(neginf=0.0), 0, 1, 2
        )
        scores, count = true, (weight > 0).sum(-1).clamp(min=1).to(scores.dtype)
    target = torch.arange(scores.shape[-1], device=scores.device)
    loss = cross_entropy(
        scores.flatten(0, 1), target.repeat(len(scores)), reduction='none'
    )
    bound = count.log()[:, None] - loss.unflatten(0, scores.shape[:2])
    return weighted_mean(bound, weight)


@MODELS.register_module()
class InfoNCEBoundLoss(nn.Module):
    """Minus the InfoNCE bound of I(Y; S), an alternative to Barber-Agakov.

    A critic compares projections of the support feature and of the label of one token.
    Negatives are the same joint in other windows and frames, so that nothing is gained
    by knowing which joint or which time a token is. Neighbouring frames are nearly the
    same pose and would be false negatives, so frames are taken some way apart; where
    the windows still give too many, a random part of them is used.

    Args:
        support_channels: Channels of the support features, one number for both or one
            for the 2D pose and one for the depth.
        loss_weight: lambda_MI.
        weight_2d: lambda_2D of PrML's Eq. 7.
        weight_d: lambda_D of Eq. 7.
        proj_dims: Channels of both projections.
        frame_spacing: Frames between two that are used of a window.
        max_frames: Frames used of a batch, M; the bound cannot exceed ``log M``.
        num_joints: Joints K.
        constant_joints: Joints whose label is constant (the root), left out.

    Raises:
        ValueError: In ``forward``, if a batch gives fewer than two frames.
    """

    predicts_label = False
    informative: Tensor

    def __init__(
        self,
        support_channels: int | Sequence[int],
        loss_weight: float = 0.01,
        *,
        weight_2d: float = 1.0,
        weight_d: float = 1.0,
        proj_dims: int = 64,
        frame_spacing: int = 16,
        max_frames: int = 256,
        num_joints: int = 17,
        constant_joints: Sequence[int] = (0,),
    ) -> None:
        super().__init__()
        if isinstance(support_channels, int):
            support_channels = (support_channels, support_channels)
        self.loss_weight = loss_weight
        self.weight_2d, self.weight_d = weight_2d, weight_d
        self.frame_spacing, self.max_frames = frame_spacing, max_frames
        self.support_2d = nn.Linear(support_channels[0], proj_dims)
        self.support_d = nn.Linear(support_channels[1], proj_dims)
        self.label_2d = _label_projection(2, proj_dims)
        self.label_d = _label_projection(1, proj_dims)
        informative = torch.ones(num_joints)
        informative[list(constant_joints)] = 0
        self.register_buffer('informative', informative, persistent=False)

    def forward(
        self, support: tuple[Tensor, Tensor], label: Tensor, weight: Tensor | None
    ) -> dict[str, Tensor]:
        """The loss and the bounds of both terms.

        Args:
            support: Support features of the 2D pose and the depth, ``(B, T, K, C')``.
            label: Label of shape ``(B, T, K, 3)``.
            weight: 1 for joints that count, ``(B, T, K)``.

        Returns:
            ``loss_mi`` and the logged bounds ``mi_2d`` and ``mi_d`` in nats a joint.
        """
        valid = torch.ones_like(label[..., 0]) if weight is None else weight
        chosen = self._choose_frames(label.shape[0], label.shape[1], label.device)

        def by_joint(tokens: Tensor) -> Tensor:
            return tokens.flatten(0, 1)[chosen].transpose(0, 1)

        pairs, label = by_joint(valid * self.informative), by_joint(label)
        from_2d = self.support_2d(by_joint(support[0]))
        from_d = self.support_d(by_joint(support[1]))
        mi_2d = info_nce(_scores(from_2d, self.label_2d(label[..., :2])), pairs)
        mi_d = info_nce(_scores(from_d, self.label_d(label[..., 2:])), pairs)
        return {
            'loss_mi': -self.loss_weight
            * (self.weight_2d * mi_2d + self.weight_d * mi_d),
            'mi_2d': mi_2d.detach(),
            'mi_d': mi_d.detach(),
        }

    def _choose_frames(
        self, batch: int, num_frames: int, device: torch.device
    ) -> Tensor:
        """Rows of ``(B T)`` to use, drawn by the step: ``(M,)``."""
        generator = step_generator()
        first = generator.initial_seed() % min(self.frame_spacing, num_frames)
        frames = torch.arange(first, num_frames, self.frame_spacing)
        rows = (torch.arange(batch)[:, None] * num_frames + frames).flatten()
        if len(rows) < 2:
            raise ValueError(
                'InfoNCEBoundLoss needs two frames to compare, a batch of '
                f'{batch} windows of {num_frames} frames gives {len(rows)}: raise the '
                'batch size or lower frame_spacing'
            )
        if len(rows) > self.max_frames:
            order = torch.randperm(len(rows), generator=generator)
            rows = rows[order[: self.max_frames]]
        return rows.to(device, non_blocking=True)


def _label_projection(channels: int, proj_dims: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(channels, 2 * proj_dims),
        nn.GELU(),
        nn.Linear(2 * proj_dims, proj_dims),
    )


def _scores(support: Tensor, label: Tensor) -> Tensor:
    """Scaled inner products ``(K, M, M)`` of projections ``(K, M, D)``, in float32."""
    support, label = support.float(), label.float()
    return support @ label.transpose(-1, -2) / math.sqrt(support.shape[-1])
