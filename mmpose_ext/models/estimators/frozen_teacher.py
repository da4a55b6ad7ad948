"""A trained network that only teaches."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from mmengine.runner import CheckpointLoader
from mmpose.registry import MODELS
from torch import Tensor, nn

from mmpose_ext.codecs.heatmap_plane import HeatmapPlane
from mmpose_ext.geometry.similarity import invert, similarity, warp


class FrozenTeacher(nn.Module):
    """A network trained on the labelled images, then fixed (section 5 of the paper).

    One view gives the teacher of PseudoPose. Several scales with their mirror images
    give that of DataDistill (Radosavovic et al., CVPR 2018): the heatmaps of all views
    are added up in the plane of the first. How many views the paper took it does not
    say; scales 0.7, 0.9, 1.1 and 1.3 stand in unused lines of the released code.

    Args:
        network: Config of a top-down estimator.
        plane: Plane of its heatmaps.
        flip_indices: The joint that each joint becomes in a mirror.
        checkpoint: Weights of such an estimator. They are read when weights are
            initialised; a resumed or tested model has them in its own checkpoint and
            does not need the file.
        scales: Factors by which the visible field grows; 1 is the easy view.
        mirror: See each of them in the mirror, too.

    Raises:
        ValueError: If no view is asked for, or its heatmaps are of another size or of
            other joints than its student's.
        FileNotFoundError: If the checkpoint does not exist (when the teacher is first
            asked, since only then it is known whether the run was resumed).
    """

    flip_indices: Tensor

    def __init__(
        self,
        network: dict,
        plane: HeatmapPlane,
        flip_indices: Sequence[int],
        *,
        checkpoint: str | None = None,
        scales: Sequence[float] = (1.0,),
        mirror: bool = False,
    ) -> None:
        super().__init__()
        if not scales or min(scales) <= 0:
            raise ValueError(f'scales must be positive numbers, got {list(scales)}')
        # Its weights come from the checkpoint, not from ImageNet.
        network = {**copy.deepcopy(network), 'init_cfg': None}
        network['backbone'] = {**network['backbone'], 'init_cfg': None}
        self.network = MODELS.build(network).requires_grad_(False).eval()
        check_heatmaps(self.network, plane, len(flip_indices))
        self.plane, self.checkpoint = plane, checkpoint
        self.scales = tuple(scales)
        self._absent: Exception | None = None
        self.mirrors = (False, True) if mirror else (False,)
        self.register_buffer(
            'flip_indices', torch.as_tensor(flip_indices), persistent=False
        )

    def init_weights(self) -> None:
        """Read the checkpoint; without one, wait for that of a resumed run."""
        self._absent = self._missing_file()
        if self._absent is None:
            content = CheckpointLoader.load_checkpoint(
                self.checkpoint, map_location='cpu'
            )
            self.network.load_state_dict(content.get('state_dict', content))

    def _missing_file(self) -> Exception | None:
        if self.checkpoint is None:
            return ValueError(
                'a frozen teacher needs a checkpoint of a network trained on the '
                'labelled images: model.teacher.checkpoint=work_dirs/.../last.pth'
            )
        if '://' not in self.checkpoint and not Path(self.checkpoint).is_file():
            return FileNotFoundError(
                f'there is no checkpoint {self.checkpoint} of the teacher; train it on '
                'the labelled images first, with the supervised config'
            )
        return None

    def _load_from_state_dict(
        self, state_dict: dict[str, Any], prefix: str, *args: Any
    ) -> None:
        if any(name.startswith(f'{prefix}network.') for name in state_dict):
            self._absent = None
        super()._load_from_state_dict(state_dict, prefix, *args)

    def train(self, mode: bool = True) -> FrozenTeacher:
        """Stays in evaluation mode."""
        return super().train(False)

    def forward(self, easy: Tensor) -> Tensor:
        """Heatmaps ``(B, K, h, w)`` of easy views, a mean over this teacher's views.

        Args:
            easy: Normalised images ``(B, 3, H, W)``.
        """
        if self._absent is not None:
            raise self._absent
        if self.scales == (1.0,) and self.mirrors == (False,):
            return self._see(easy)
        views = [
            self._see_again(easy, scale, mirrored)
            for scale in self.scales
            for mirrored in self.mirrors
        ]
        return torch.stack(views).mean(0)

    def _see(self, images: Tensor) -> Tensor:
        return self.network(images, None, mode='tensor')

    def _see_again(self, easy: Tensor, scale: float, mirrored: bool) -> Tensor:
        """Heatmaps of another view, in the plane of the easy one."""
        size = self.plane.input_size
        still = easy.new_zeros(len(easy))
        to_view = similarity(
            still, still + scale, torch.full_like(still, mirrored).bool(), size=size
        )
        heatmaps = self._see(warp(easy, to_view, size))
        return self.plane.carry(
            heatmaps, invert(to_view), self.flip_indices, 'bilinear'
        )


def check_heatmaps(network: nn.Module, plane: HeatmapPlane, joints: int) -> None:
    """Refuse a teacher whose heatmaps do not lie over those of its student.

    Args:
        network: A top-down estimator.
        plane: Of the student's heatmaps; the width of a joint may differ.
        joints: How many the student predicts.

    Raises:
        ValueError: If size, place or number are others, or there are no heatmaps.
    """
    head: Any = network.head
    own = HeatmapPlane.of(head.decoder)
    same = dataclasses.replace(own, sigma=plane.sigma, unbiased=plane.unbiased) == plane
    number = getattr(head, 'out_channels', joints)
    if not same or number != joints:
        raise ValueError(
            f'the teacher has heatmaps of {number} joints, {own}; its student of '
            f'{joints}, {plane}. Both need the same sizes and joints'
        )
