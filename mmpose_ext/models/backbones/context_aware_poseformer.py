"""CA-PF: a single-frame lifter that looks at the image around each joint."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from mmengine.model import BaseModule
from mmpose.registry import MODELS
from torch import Tensor, nn

from mmpose_ext.models.layers import (
    PoseEmbedding,
    TransformerLayer,
    init_transformer_weights,
)
from mmpose_ext.models.layers.deformable_context import DeformableContext, sample_map


@MODELS.register_module()
class ContextAwarePoseFormer(BaseModule):
    """Lift a 2D pose with the feature maps of a frozen image network (CA-PF).

    Source: Zhao et al., "A Single 2D Pose with Context is Worth Hundreds for 3D Human
    Pose Estimation", NeurIPS 2023. Each joint has a token of its coordinates and one
    context token a feature map, sampled where the joint is. Then follow ``depth``
    layers each of

    1. deformable context: every context token gathers from its own map at learned
       offsets from the joint (:class:`DeformableContext`),
    2. self-attention among the tokens of a joint,
    3. self-attention among the joints, the tokens of each concatenated.

    As published: this structure, its sizes, the initial offsets and stochastic depth.
    With the four maps of an HRNet-W32 and two input channels, this and its head have
    the 14,094,147 parameters of the public code, and the same function of samples.

    Ours: maps come from a store, of square crops around the joints (published: 192 x
    256, of 2 m around the root). The edges of every map are -1 and 1, so a position is
    the same place in all of them (``align_corners=False``); beyond them the border goes
    on. Linear weights and embeddings start as a truncated normal of 0.02. A further map
    is a further level: this is how depth joins for PrML's Table 14.

    A flip in training or test mirrors the maps. The public code encodes the mirrored
    image instead, whose map differs where channels tell left from right.

    Args:
        features: Shape ``(C_l, H_l, W_l)`` of each feature map by the name of its
            field. The dataset's ``features`` lists these names and ``crop_keypoints``.
        in_channels: 2 (x, y) or 3 (x, y, confidence).
        embed_dims: Channels C of a token.
        seq_len: Frames T of a window; they are independent, so others run too.
        num_joints: Joints K.
        depth: Layers of each of the three kinds.
        num_heads: Heads of the self-attentions.
        context_heads: Heads of the deformable sampling.
        num_points: Positions that a head samples.
        mlp_ratio: Width of the MLPs in multiples of their input.
        drop_path_rate: Stochastic depth of the last layers; rises linearly from 0.

    Attributes:
        feature_shapes: Shape a frame of each feature that ``forward`` takes.

    Raises:
        ValueError: If there is no feature map, or, in ``forward``, if a feature is
            missing or of another shape.
    """

    causal = False

    def __init__(
        self,
        features: Mapping[str, Sequence[int]],
        in_channels: int = 2,
        *,
        embed_dims: int = 128,
        seq_len: int = 1,
        num_joints: int = 17,
        depth: int = 4,
        num_heads: int = 8,
        context_heads: int = 4,
        num_points: int = 4,
        mlp_ratio: float = 2.0,
        drop_path_rate: float = 0.2,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(init_cfg)
        if not features:
            raise ValueError('give the shape of at least one feature map')
        self.map_names = tuple(features)
        channels = [shape[0] for shape in features.values()]
        self.feature_shapes: dict[str, tuple[int, ...]] = {
            **{name: tuple(shape) for name, shape in features.items()},
            'crop_keypoints': (num_joints, 2),
        }
        self.embedding = PoseEmbedding(
            in_channels,
            embed_dims,
            num_joints=num_joints,
            seq_len=seq_len,
            temporal=False,
        )
        self.context_embeddings = nn.ModuleList(
            nn.Linear(width, embed_dims) for width in channels
        )
        self.levels = nn.Parameter(
            torch.zeros(1, len(channels), num_joints, embed_dims)
        )
        rates = [drop_path_rate * step / max(depth - 1, 1) for step in range(depth)]
        self.context_layers = nn.ModuleList(
            DeformableContext(
                channels,
                embed_dims,
                num_heads=context_heads,
                num_points=num_points,
                mlp_ratio=mlp_ratio,
                drop_path=rate,
            )
            for rate in rates
        )

        def attention(dims: int) -> nn.Sequential:
            return nn.Sequential(
                *(
                    TransformerLayer(
                        dims,
                        num_heads,
                        axis='spatial',
                        mlp_ratio=mlp_ratio,
                        qkv_bias=True,
                        drop_path=rate,
                    )
                    for rate in rates
                )
            )

        self.token_layers = attention(embed_dims)
        self.joint_layers = attention((1 + len(channels)) * embed_dims)
        self._reset_parameters()

    def forward(self, keypoints: Tensor, **features: Tensor) -> Tensor:
        """Encode poses and what the image shows around their joints.

        Args:
            keypoints: Normalised keypoints, ``(B, T, K, in_channels)``.
            features: The maps ``(B, T, C_l, H_l, W_l)`` by name, and ``crop_keypoints``
                ``(B, T, K, 2)``, the same joints in units of the crop that the maps
                show: its edges are -1 and 1.

        Returns:
            Features of shape ``(B, T, K, (1 + L) C)`` with L maps.
        """
        pose = self.embedding(keypoints).flatten(0, 1)[:, None]
        self._check_features(keypoints.shape[:2], features)
        maps = [features[name].flatten(0, 1) for name in self.map_names]
        positions = features['crop_keypoints'].flatten(0, 1)
        at_joints = [
            embed(sample_map(level, positions[:, :, None]).squeeze(2))
            for embed, level in zip(self.context_embeddings, maps, strict=True)
        ]
        context = torch.stack(at_joints, dim=1) + self.levels
        for layer in self.context_layers:
            context = layer(context, pose, positions, maps)
        tokens = torch.cat([pose, context], dim=1).transpose(1, 2)
        tokens = self.token_layers(tokens)  # tokens in the place of joints
        joints = tokens.flatten(2).unflatten(0, keypoints.shape[:2])
        return self.joint_layers(joints)

    def _check_features(
        self, window: Sequence[int], features: Mapping[str, Tensor]
    ) -> None:
        for name, shape in self.feature_shapes.items():
            expected = (*window, *shape)
            found = tuple(features[name].shape) if name in features else 'nothing'
            if found != expected:
                raise ValueError(
                    f'expected the feature {name} of shape {expected}, got {found}; '
                    'tools/dataset_converters/image_features_to_store.py makes it, '
                    '`features` of the data set brings it'
                )

    def _reset_parameters(self) -> None:
        self.apply(init_transformer_weights)
        nn.init.trunc_normal_(self.levels, std=0.02)
        for module in self.modules():
            if isinstance(module, DeformableContext):
                module.reset_sampling()
