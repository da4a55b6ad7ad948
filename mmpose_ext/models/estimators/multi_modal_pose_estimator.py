"""3D poses from several sensors."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import combinations
from typing import Any, Literal

import numpy as np
import torch
from mmengine.dist import is_distributed
from mmengine.model import BaseModel
from mmengine.structures import InstanceData
from mmpose.registry import MODELS
from mmpose.structures import PoseDataSample
from torch import Tensor, nn

from mmpose_ext.models.heads.absolute_pose_head import AbsolutePoseHead
from mmpose_ext.models.losses.weight_constraint_loss import WeightConstraintLoss
from mmpose_ext.models.necks.concat_fusion import ConcatFusion
from mmpose_ext.models.necks.modality_fusion import ModalityFusion, keep_present
from mmpose_ext.models.sample_selection import sample_errors

Absent = Literal['zero', 'mean']
Features = dict[str, Tensor]

ORDER = ('rgb', 'lidar', 'mmwave', 'wifi')
"""Modalities in the order of their columns everywhere; others follow by name.

Those of ``mmfi_layout``, which models do not import; a test holds both together.
"""

FUSED = 'fused'
"""Name of the loss of all modalities together."""

_MASK = '_mask'


@MODELS.register_module()
class MultiModalPoseEstimator(BaseModel):
    """An encoder a modality, a fusion, one regression head (Peng et al.).

    Poses are absolute: camera frame, metres, no root removed. A modality that is absent
    in a sample, or left out at test time, gives way to an absent feature.

    For those who balance modalities, :meth:`loss` leaves what it computed in
    ``last_features``, ``last_present``, ``last_pose`` (detached) and ``last_losses``
    (unweighted, with their graph); each step replaces them.

    Args:
        encoders: Config of each modality's encoder, by name. An encoder maps its input
            to ``(B, out_channels)``; those of ``lidar`` and ``mmwave`` also take the
            mask of their points.
        fusion: Config of the fusion; ``in_channels`` come from the encoders.
        head: Options of :class:`AbsolutePoseHead`; ``in_channels`` come from the
            fusion.
        constraint: Config of a loss on the encoders' weights, such as
            ``WeightConstraintLoss``; ``FisherInformationHook`` sets it.
        consolidation: The same on all weights, against forgetting;
            ``TaskIncrementalTrainLoop`` sets it.
        auxiliary_heads: Also regress from each modality alone, as some balancing
            methods need; their losses are ``loss_pose_<modality>``.
        absent: The absent feature: ``'zero'`` (the papers) or ``'mean'``, the running
            mean of the modality's features.
        test_cfg: ``modalities``: names of those that take part in the test, or a name,
            all by default; ``subsets``: ``'all'`` subsets of these, or a list of lists
            of names, whose predictions stand beside the main one. Batches of a test
            need no others.
        data_preprocessor: Config; ``MultiModalDataPreprocessor`` by default.
        init_cfg: As in MMEngine.

    Raises:
        ValueError: If there is no encoder, an option is unknown, or ``test_cfg`` names
            a modality without encoder or a subset of none.
    """

    head: AbsolutePoseHead
    fusion: ModalityFusion
    constraint: WeightConstraintLoss | None
    consolidation: WeightConstraintLoss | None
    last_features: Features
    last_present: Tensor
    last_pose: Tensor
    last_losses: dict[str, Tensor]

    def __init__(
        self,
        encoders: dict[str, dict],
        *,
        fusion: dict | None = None,
        head: dict | None = None,
        constraint: dict | None = None,
        consolidation: dict | None = None,
        auxiliary_heads: bool = False,
        absent: Absent = 'zero',
        test_cfg: dict | None = None,
        data_preprocessor: dict | None = None,
        init_cfg: Any = None,
    ) -> None:
        # Built here, so that its type is found without a default scope.
        super().__init__(
            MODELS.build(data_preprocessor or dict(type='MultiModalDataPreprocessor')),
            init_cfg,
        )
        if absent not in ('zero', 'mean'):
            raise ValueError(f"absent must be 'zero' or 'mean', got {absent!r}")
        if not encoders:
            raise ValueError(
                'encoders needs at least one modality, for example '
                "dict(rgb=dict(type='VideoPose3DEncoder'))"
            )
        # MMEngine sorts the keys of configs that it writes, so theirs means nothing.
        self.modalities = tuple(
            sorted(encoders, key=lambda name: ((*ORDER, name).index(name), name))
        )
        built = {name: MODELS.build(encoders[name]) for name in self.modalities}
        self.encoders = nn.ModuleDict(built)
        widths = {name: encoder.out_channels for name, encoder in built.items()}
        self.fusion = MODELS.build(
            dict(dict(type='ConcatFusion') | (fusion or {}), in_channels=widths)
        )
        options = dict(type='AbsolutePoseHead') | (head or {})
        self.head = MODELS.build(dict(options, in_channels=self.fusion.out_channels))
        self.constraint = None if constraint is None else MODELS.build(constraint)
        self.consolidation = (
            None if consolidation is None else MODELS.build(consolidation)
        )
        self.stopped: frozenset[str] = frozenset()
        self.auxiliary_heads = nn.ModuleDict(
            {
                name: MODELS.build(dict(options, in_channels=width))
                for name, width in (widths if auxiliary_heads else {}).items()
            }
        )
        self.loss_weights = dict.fromkeys((FUSED, *self.auxiliary_heads), 1.0)
        self.absent = absent
        for name, width in (widths if absent == 'mean' else {}).items():
            self.register_buffer(f'mean_{name}', torch.zeros(width))
        self.test_cfg = dict(test_cfg or {})
        (self.used,) = self._read_subsets(
            [self.test_cfg.get('modalities', self.modalities)]
        )
        self.subsets = self._read_subsets(self.test_cfg.get('subsets', ()))
        if not all([self.used, *self.subsets]):
            raise ValueError(
                f'test_cfg={self.test_cfg} has a subset without modalities; name some '
                f'of {list(self.modalities)}'
            )

    def forward(
        self,
        inputs: dict[str, Tensor],
        data_samples: Mapping[str, Any] | None = None,
        mode: str = 'tensor',
    ) -> Any:
        """Losses, predictions or poses ``(B, K, 3)``, as ``mode`` says.

        Args:
            inputs: Tensors of each modality, ``valid`` ``(B, M)`` and the masks of
                points, as ``multi_modal_collate`` makes them.
            data_samples: ``pose`` ``(B, K, 3)``, metres, and ``samples``.
            mode: ``'loss'``, ``'predict'`` or ``'tensor'``.
        """
        if mode == 'loss':
            return self.loss(inputs, data_samples or {})
        if mode == 'predict':
            return self.predict(inputs, data_samples or {})
        if mode == 'tensor':
            return self.predict_features(self.encode(inputs), self.present(inputs))
        raise ValueError(f"mode must be 'loss', 'predict' or 'tensor', got {mode!r}")

    @property
    def networks(self) -> tuple[MultiModalPoseEstimator, ...]:
        """The networks that learn: itself."""
        return (self,)

    def stop_gradients(self, modalities: Collection[str]) -> None:
        """Keep the encoders of some modalities as they are, and train the others.

        They stay in evaluation mode and get no gradient, or zeros where processes
        exchange gradients, which wait for one of each parameter.

        Raises:
            ValueError: If there is no such encoder.
        """
        self._read_subsets([tuple(modalities)])
        self.stopped = frozenset(modalities)
        self.train(self.training)

    def train(self, mode: bool = True) -> MultiModalPoseEstimator:
        """Switch to training, but for encoders whose gradients are stopped."""
        super().train(mode)
        for name in getattr(self, 'stopped', ()):
            self.encoders[name].eval()
        return self

    def encode(
        self, inputs: Mapping[str, Tensor], needed: Collection[str] | None = None
    ) -> Features:
        """Features ``(B, d)`` of each modality.

        Args:
            inputs: See :meth:`forward`.
            needed: Modalities that matter, all by default; features of the others are
                zeros, and their encoders do not run.

        Raises:
            ValueError: If the batch lacks a modality that matters.
        """
        wanted = [n for n in self.modalities if needed is None or n in needed]
        missing = [name for name in wanted if name not in inputs]
        if missing:
            raise ValueError(
                f'the model needs {wanted}, the batch lacks {missing}: give the '
                f'dataset modalities={wanted}, or test without them '
                '(model.test_cfg.modalities and subsets)'
            )
        example = next(iter(inputs.values()))
        features = {}
        for name in self.modalities:
            if name in wanted:
                features[name] = self._encode_one(name, inputs)
            else:
                width = self.fusion.in_channels[name]
                features[name] = torch.zeros(len(example), width, device=example.device)
        return features

    def present(self, inputs: Mapping[str, Tensor]) -> Tensor:
        """Which modalities each sample has ``(B, M)``, bool.

        Columns of ``valid`` are in the order of the batch's modalities, of which there
        may be more or fewer than the model has.

        Raises:
            ValueError: If ``valid`` has another number of columns.
        """
        given = _given(inputs)
        valid = inputs.get('valid')
        if valid is None:
            example = inputs[given[0]]
            valid = example.new_ones(len(example), len(given), dtype=torch.bool)
        if valid.shape[1] != len(given):
            raise ValueError(
                f'valid has {valid.shape[1]} columns, the batch has the modalities '
                f'{given}: pack both alike, as PackMultiModalInputs does'
            )
        if given == list(self.modalities):
            return valid
        columns = dict(zip(given, valid.unbind(1), strict=True))
        absent = torch.zeros_like(valid[:, 0])
        return torch.stack([columns.get(n, absent) for n in self.modalities], dim=1)

    def predict_features(self, features: Features, present: Tensor) -> Tensor:
        """Poses ``(B, K, 3)``, metres, of features ``(B, d)``."""
        return self.head(self.fusion(features, present, self.stand_ins(features)))

    def stand_ins(self, features: Features) -> Mapping[str, Tensor] | None:
        """What stands in for absent modalities ``(d,)``; ``None`` for zeros."""
        if self.absent == 'zero':
            return None
        return {name: self.get_buffer(f'mean_{name}') for name in features}

    def predict_subsets(
        self,
        features: Features,
        masks: Tensor,
        present: Tensor | None = None,
        absent: Absent | None = None,
    ) -> Tensor:
        """What the model would predict from subsets of the modalities.

        Encoders are not run again; all subsets pass fusion and head at once. With
        ``ConcatFusion`` the head is linear in the features, so that subsets are sums of
        M parts.

        Args:
            features: ``(B, d)`` of each modality.
            masks: Subsets ``(S, M)``, bool.
            present: Which modalities each sample has ``(B, M)``.
            absent: Another absent feature than the model's; ``'mean'`` is then the mean
                over the samples of the batch that have the modality.

        Returns:
            ``(S, B, K, 3)``, float32, metres.
        """
        masks = masks[:, None].bool()
        if absent is None:
            fill = self.stand_ins(features)
        else:
            fill = _batch_means(features, present) if absent == 'mean' else None
        if present is not None:
            masks = masks & present
        fusion = self.fusion
        if not isinstance(fusion, ConcatFusion):
            return self.head(fusion(features, masks, fill)).float()
        weight, bias = self.head.regression.weight, self.head.regression.bias
        parts, share = fusion.parts(features, weight), masks.to(weight.dtype)
        if masks.shape[1] == 1:
            sums = torch.einsum('sm,mbd->sbd', share[:, 0], parts)
        else:
            sums = torch.einsum('sbm,mbd->sbd', share, parts)
        if fill is not None:
            rest = fusion.parts(fill, weight)
            sums = sums + torch.einsum('sbm,md->sbd', 1 - share, rest)
        return self.head.as_pose(sums + bias).float()

    def loss(
        self, inputs: Mapping[str, Tensor], data_samples: Mapping[str, Any]
    ) -> dict[str, Tensor]:
        """Losses of a batch.

        Returns:
            ``loss_pose``, ``loss_pose_<modality>`` of auxiliary heads,
            ``loss_constraint`` and ``loss_consolidation``, each with its weight.
        """
        pose = data_samples['pose']
        features, present = self.see(inputs, pose)
        losses = {FUSED: self.head.loss(self.predict_features(features, present), pose)}
        for number, name in enumerate(self.auxiliary_heads):
            head: Any = self.auxiliary_heads[name]
            alone = keep_present(features[name], present[:, number])
            losses[name] = head.loss(head(alone), pose)
        self.last_losses = losses
        weighted = {
            'loss_pose' if name == FUSED else f'loss_pose_{name}': (
                self.loss_weights[name] * value
            )
            for name, value in losses.items()
        }
        return weighted | self.weight_losses()

    def see(
        self, inputs: Mapping[str, Tensor], pose: Tensor
    ) -> tuple[Features, Tensor]:
        """Encode a training batch, and leave it for those who balance modalities.

        Args:
            inputs: See :meth:`forward`.
            pose: The truth ``(B, K, 3)``, metres.

        Returns:
            Features ``(B, d)`` of each modality, and which ones each sample has
            ``(B, M)``, bool.
        """
        features, present = self.encode(inputs), self.present(inputs)
        self._follow_means(features, present)
        self.last_features = {name: x.detach() for name, x in features.items()}
        self.last_present, self.last_pose = present, pose
        return features, present

    def weight_losses(self) -> dict[str, Tensor]:
        """Losses on the weights: ``loss_constraint`` and ``loss_consolidation``."""
        losses = {}
        if self.constraint is not None:
            losses['loss_constraint'] = self.constraint(
                self.encoders.named_parameters()
            )
        if self.consolidation is not None:
            losses['loss_consolidation'] = self.consolidation(self.named_parameters())
        return losses

    def sample_losses(
        self, inputs: Mapping[str, Tensor], data_samples: Mapping[str, Any]
    ) -> Tensor:
        """Mean joint error of each sample ``(B,)``, metres (paper, Eq. 10)."""
        pred = self.predict_features(self.encode(inputs), self.present(inputs))
        return sample_errors(pred, data_samples['pose'])

    def predict(
        self, inputs: Mapping[str, Tensor], data_samples: Mapping[str, Any]
    ) -> list[PoseDataSample]:
        """Poses of a batch, for metrics.

        Returns:
            Samples with ``pred_instances.keypoints`` ``(1, K, 3)``, metres, scores,
            ``gt_instances.lifting_target`` where known, and with ``subsets`` also
            ``pred_instances.subset_keypoints`` ``(1, S, K, 3)``.
        """
        needed = set(self.used).union(*self.subsets)
        features, present = self.encode(inputs, needed), self.present(inputs)
        main = self.predict_features(features, present & self._mask([self.used]))
        pred = {'keypoints': main.float().cpu().numpy()}
        pred['keypoint_scores'] = np.ones(pred['keypoints'].shape[:2], np.float32)
        if self.subsets:
            of_subsets = self.predict_subsets(
                features, self._mask(self.subsets), present
            )
            pred['subset_keypoints'] = of_subsets.transpose(0, 1).cpu().numpy()
        truth = {}
        if 'pose' in data_samples:
            truth['lifting_target'] = data_samples['pose'].float().cpu().numpy()
            truth['lifting_target_visible'] = pred['keypoint_scores']
        samples = data_samples.get('samples') or [
            PoseDataSample() for _ in pred['keypoints']
        ]
        for number, sample in enumerate(samples):
            row = slice(number, number + 1)
            sample.pred_instances = _instance(pred, row)
            if truth:
                sample.gt_instances = _instance(truth, row)
            if self.subsets:
                sample.set_metainfo(dict(subsets=self.subsets))
        return samples

    def _encode_one(self, name: str, inputs: Mapping[str, Tensor]) -> Tensor:
        encoder, stopped = self.encoders[name], name in self.stopped
        with torch.set_grad_enabled(torch.is_grad_enabled() and not stopped):
            masks = [inputs[key] for key in (f'{name}{_MASK}',) if key in inputs]
            feature = encoder(inputs[name], *masks)
        if stopped and torch.is_grad_enabled() and is_distributed():
            feature = feature + 0 * sum(p.sum() for p in encoder.parameters())
        return feature

    def _follow_means(self, features: Features, present: Tensor) -> None:
        """Let the running means follow a training batch."""
        if self.absent == 'zero' or not self.training:
            return
        with torch.no_grad():
            for number, (name, feature) in enumerate(features.items()):
                here = present[:, number]
                share = 0.1 * here.any().float()
                self.get_buffer(f'mean_{name}').lerp_(_mean_where(feature, here), share)

    def _mask(self, subsets: Sequence[Sequence[str]]) -> Tensor:
        rows = [[name in subset for name in self.modalities] for subset in subsets]
        device = next(self.parameters()).device
        return torch.tensor(rows, device=device)

    def _read_subsets(
        self, subsets: str | Sequence[str | Sequence[str]]
    ) -> list[tuple[str, ...]]:
        if subsets == 'all':
            used = [name for name in self.modalities if name in self.used]
            numbers = range(1, len(used) + 1)
            return [s for n in numbers for s in combinations(used, n)]
        if isinstance(subsets, str):
            raise ValueError(f"subsets must be 'all' or a list, got {subsets!r}")
        # The command line makes a plain string of a list of one name.
        named = [(s,) if isinstance(s, str) else tuple(s) for s in subsets]
        unknown = sorted({name for s in named for name in s} - set(self.modalities))
        if unknown:
            raise ValueError(
                f'test_cfg names the modalities {unknown}; the model has encoders of '
                f'{list(self.modalities)}'
            )
        return named


def _instance(values: Mapping[str, np.ndarray], row: slice) -> InstanceData:
    return InstanceData(**{name: value[row] for name, value in values.items()})


def _given(inputs: Mapping[str, Tensor]) -> list[str]:
    """Modalities of a batch, in their order."""
    return [name for name in inputs if name != 'valid' and not name.endswith(_MASK)]


def _mean_where(feature: Tensor, here: Tensor) -> Tensor:
    """Mean ``(d,)`` of features ``(B, d)`` over samples with the modality ``(B,)``."""
    weight = here[:, None].float()
    return (feature.float() * weight).sum(0) / weight.sum().clamp(min=1)


def _batch_means(features: Features, present: Tensor | None) -> Features:
    if present is None:
        return {name: feature.mean(dim=0) for name, feature in features.items()}
    columns = present.unbind(1)
    return {
        name: _mean_where(feature, here)
        for (name, feature), here in zip(features.items(), columns, strict=True)
    }
