"""A learned shift of joints between the skeletons of two data sets."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from mmpose_ext.geometry import H36M17, MPI_INF_3DHP_PCK_JOINTS, joint_index

_JOINTS: dict[str, tuple[str, ...]] = {
    'pck': MPI_INF_3DHP_PCK_JOINTS,
    'all': H36M17.joint_names,
}


class CrossDatasetBias(nn.Module):
    """Add a vector to each joint of a predicted pose (PoSynDA, Eq. 11).

    The paper's parameter counts leave room for 14 joints, those of the PCK score of
    MPI-INF-3DHP. The bias starts at zero, so that adaptation starts at the source.

    Args:
        joints: ``'pck'`` (14 joints), ``'all'`` (17), or names of joints.

    Raises:
        ValueError: If a joint is unknown.
    """

    joints: Tensor

    def __init__(self, joints: str | Sequence[str] = 'pck') -> None:
        super().__init__()
        if isinstance(joints, str) and joints not in _JOINTS:
            raise ValueError(
                f'joints of the bias must be one of {list(_JOINTS)} or a list of '
                f'names, got {joints!r}'
            )
        names = _JOINTS[joints] if isinstance(joints, str) else joints
        index = torch.tensor([joint_index(name) for name in names])
        self.register_buffer('joints', index, persistent=False)
        self.bias = nn.Parameter(torch.zeros(len(names), 3))

    def forward(self, pose: Tensor) -> Tensor:
        """Shift poses ``(..., 17, 3)``, metres, in single precision at least."""
        pose = pose.to(torch.promote_types(pose.dtype, self.bias.dtype))
        shift = self.bias.to(pose.dtype).expand(*pose.shape[:-2], -1, -1)
        return pose.index_add(-2, self.joints, shift)
