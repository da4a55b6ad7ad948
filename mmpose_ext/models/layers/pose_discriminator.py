"""A network that tells generated 2D poses from those of the target."""

from __future__ import annotations

from torch import Tensor, nn


class PoseDiscriminator(nn.Module):
    """Score each frame of a window of 2D keypoints: high for the target's.

    It sees what a change of viewpoint and body can bring about and nothing else. Place
    and size are taken out, since generated poses stand where target people stand and
    are as large by construction; what is left of a difference in size is perspective,
    which the generator could only answer with a wrong body. By default a frame is
    scored by itself (``kernel_size=1``): people of two data sets also move differently
    or are filmed at different rates, and a discriminator that goes by that cannot be
    satisfied by a change that is the same in all frames.

    Args:
        embed_dims: Channels C of all layers.
        kernel_size: Frames that the first layer joins.
        num_joints: Joints K.
        root: Index of the root joint.

    Raises:
        ValueError: If ``embed_dims`` is below 1 or ``kernel_size`` is not odd.
    """

    def __init__(
        self,
        embed_dims: int = 128,
        *,
        kernel_size: int = 1,
        num_joints: int = 17,
        root: int = 0,
    ) -> None:
        super().__init__()
        if embed_dims < 1 or kernel_size < 1 or kernel_size % 2 == 0:
            raise ValueError(
                'embed_dims must be at least 1 and kernel_size an odd number, got '
                f'{embed_dims=}, {kernel_size=}'
            )
        self.root = root
        self.layers = nn.Sequential(
            nn.Conv1d(
                2 * num_joints,
                embed_dims,
                kernel_size,
                padding=kernel_size // 2,
                padding_mode='replicate',
            ),
            nn.LeakyReLU(0.2),
            nn.Conv1d(embed_dims, embed_dims, 1),
            nn.LeakyReLU(0.2),
            nn.Conv1d(embed_dims, 1, 1),
        )

    def forward(self, keypoints: Tensor) -> Tensor:
        """Scores ``(N, T)``.

        Args:
            keypoints: ``(N, T, K, 2)``, any unit and place.
        """
        shape = self.normalize(keypoints.float())
        return self.layers(shape.flatten(2).transpose(1, 2)).squeeze(1).float()

    def normalize(self, keypoints: Tensor) -> Tensor:
        """Keypoints relative to the root, by the mean width plus height of the window.

        The size is the one that
        :func:`~mmpose_ext.geometry.alignment.place_like_target` makes equal.
        """
        extent = keypoints.amax(-2, keepdim=True) - keypoints.amin(-2, keepdim=True)
        size = extent.sum(-1, keepdim=True).mean(-3, keepdim=True)
        root = keypoints[..., self.root : self.root + 1, :]
        return 2 * (keypoints - root) / size
