"""MetaFi++: a residual network and channel attention on WiFi's channel state."""

from __future__ import annotations

import math

import torch
from mmengine.model import BaseModule
from mmpose.models.backbones import ResNet
from mmpose.registry import MODELS
from torch import Tensor, nn
from torch.nn.functional import interpolate, layer_norm

from mmpose_ext.models.layers import Mlp

ANTENNAS = 3
_STRIDE = 8
_JOINTS = 17


@MODELS.register_module()
class MetaFi(BaseModule):
    """One feature, or a pose, of a frame of channel state (MetaFi++).

    Zhou et al., IEEE Internet of Things Journal 2023. The sub-carriers and packets of
    each antenna are resized to an image, all antennas pass the same residual network,
    their maps are put side by side, and channels attend to channels. The mean of the
    map is the feature. Weights start at random: MM-Fi's comparisons use none from
    ImageNet. The start is that of torchvision, not MMPose's, whose zero scale of the
    last norm of a residual would stop all gradients behind it.

    With the defaults the encoder has 26.37 M parameters; ``pose_decoder=True`` adds the
    published network's decoder (26.52 M).

    Args:
        depth: Layers of the residual network, 18 or 34.
        base_channels: Channels of its first stage; the last has eight times as many.
        num_heads: Heads of the channel attention.
        dropout: Rate of dropout in the channel attention.
        input_size: What the channel state of an antenna is resized to, multiples of 8;
            with the decoder the first one is 136, a row of the map for each joint.
        pose_decoder: Give poses of 17 joints instead of the feature.

    Attributes:
        out_channels: Width C of the feature, 512; 3 with the decoder.

    Raises:
        ValueError: If the depth is unknown or the size does not fit; in ``forward``, if
            there are not three antennas.
    """

    def __init__(
        self,
        depth: int = 34,
        base_channels: int = 64,
        *,
        num_heads: int = 3,
        dropout: float = 0.1,
        input_size: tuple[int, int] = (136, 32),
        pose_decoder: bool = False,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(init_cfg)
        if depth not in (18, 34):
            raise ValueError(f'depth must be 18 or 34, got {depth}')
        rows, columns = (side // _STRIDE for side in input_size)
        if any(side % _STRIDE or side < _STRIDE for side in input_size) or (
            pose_decoder and rows != _JOINTS
        ):
            raise ValueError(
                f'input_size={tuple(input_size)}; expected multiples of {_STRIDE}, the '
                f'first one {_JOINTS * _STRIDE} with pose_decoder=True'
            )
        self.input_size = tuple(input_size)
        channels = 8 * base_channels
        self.trunk = _Trunk(
            depth,
            in_channels=1,
            stem_channels=base_channels,
            base_channels=base_channels,
            zero_init_residual=False,
        )
        self.norm = nn.BatchNorm2d(channels)
        self.transformer = ChannelTransformer(
            channels, rows * columns * ANTENNAS, num_heads=num_heads, dropout=dropout
        )
        self.decoder = PoseDecoder(channels) if pose_decoder else None
        self.out_channels = 3 if pose_decoder else channels

    def forward(self, x: Tensor) -> Tensor:
        """Encode amplitudes.

        Args:
            x: Amplitudes in [0, 1] ``(B, 3, sub-carriers, packets)``, 114 and 10 in
                MM-Fi.

        Returns:
            Feature ``(B, C)``, or poses ``(B, 17, 3)`` in metres with the decoder.
        """
        if x.dim() != 4 or x.shape[1] != ANTENNAS:
            raise ValueError(
                f'expected channel state of shape (B, 3, 114, 10), got {tuple(x.shape)}'
            )
        x = self.transformer(self.norm(self._antenna_maps(x)))
        return x.mean(dim=(2, 3)) if self.decoder is None else self.decoder(x)

    def _antenna_maps(self, x: Tensor) -> Tensor:
        """Maps of all antennas side by side, ``(B, C, 17, 12)`` by default."""
        batch = x.shape[0]
        image = interpolate(x.flatten(0, 1)[:, None], self.input_size, mode='bilinear')
        maps = self.trunk(image)[-1].unflatten(0, (batch, ANTENNAS))
        return maps.permute(0, 2, 3, 1, 4).flatten(3)


class ChannelTransformer(nn.Module):
    """A residual transformer layer in which channels attend to channels.

    Each head has queries, keys and values of full width; the map of attention between
    channels is normalised as an image before its softmax (Wang et al., UCTransNet,
    AAAI 2022), and the mean of the heads goes on.

    Args:
        channels: Channels C.
        num_tokens: Places of the map.
        num_heads: Heads.
        dropout: Rate of dropout.
        mlp_ratio: Width of the MLP in multiples of C.
    """

    def __init__(
        self,
        channels: int,
        num_tokens: int,
        *,
        num_heads: int = 3,
        dropout: float = 0.1,
        mlp_ratio: int = 4,
    ) -> None:
        super().__init__()
        self.num_heads, self.scale = num_heads, 1 / math.sqrt(channels)
        self.embed = nn.Conv2d(channels, channels, 1)
        self.places = nn.Parameter(torch.zeros(1, num_tokens, channels))
        self.norm1 = nn.LayerNorm(channels)
        self.qkv = nn.Linear(channels, 3 * num_heads * channels, bias=False)
        self.proj = nn.Linear(channels, channels, bias=False)
        self.norm2 = nn.LayerNorm(channels)
        self.mlp = Mlp(channels, mlp_ratio * channels)
        self.norm3 = nn.LayerNorm(channels)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """Map features ``(B, C, H, W)`` to the same shape."""
        tokens = self.embed(x).flatten(2).transpose(1, 2) + self.places
        tokens = self.dropout(tokens)
        tokens = tokens + self.dropout(self.proj(self._attend(self.norm1(tokens))))
        tokens = tokens + self.dropout(self.mlp(self.norm2(tokens)))
        return x + self.norm3(tokens).transpose(1, 2).unflatten(2, x.shape[2:])

    def _attend(self, tokens: Tensor) -> Tensor:
        """The mean of the heads, ``(B, L, C)`` to ``(B, L, C)``."""
        qkv = self.qkv(tokens).unflatten(-1, (3, self.num_heads, -1))
        query, key, value = (part.transpose(1, 2) for part in qkv.unbind(2))
        score = query.transpose(-1, -2) @ key * self.scale
        share = layer_norm(score, score.shape[-2:]).softmax(dim=-1)
        return (value @ self.dropout(share).transpose(-1, -2)).mean(1)


class PoseDecoder(nn.Module):
    """The rows of a map ``(B, C, 17, W)`` as joints: poses ``(B, 17, 3)``."""

    def __init__(self, channels: int, hidden_channels: int = 32) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(channels, hidden_channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(hidden_channels),
            nn.ReLU(),
            nn.Conv2d(hidden_channels, 3, 1, bias=False),
            nn.BatchNorm2d(3),
            nn.ReLU(),
        )
        self.norm = nn.BatchNorm1d(3)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(B, C, 17, W)`` to ``(B, 17, 3)``."""
        return self.norm(self.layers(x).mean(-1)).transpose(1, 2)


class _Trunk(ResNet):
    """MMPose's residual network behind a 3x3 convolution, without max-pooling."""

    def _make_stem_layer(self, in_channels: int, stem_channels: int) -> None:
        super()._make_stem_layer(in_channels, stem_channels)
        self.conv1 = nn.Conv2d(in_channels, stem_channels, 3, padding=1, bias=False)
        self.maxpool = nn.Identity()
