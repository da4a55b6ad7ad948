"""Two estimators that teach each other which samples to trust."""

from __future__ import annotations

import copy
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from mmengine.model import BaseModel, ModuleList
from mmpose.registry import MODELS
from mmpose.structures import PoseDataSample
from torch import Tensor
from torch.utils.data import DataLoader

from mmpose_ext.models.estimators.multi_modal_pose_estimator import (
    FUSED,
    MultiModalPoseEstimator,
)

OUTPUTS = ('mean', 'network0', 'network1')


def _of_first(name: str) -> Any:
    """What the first network has under a name."""
    return property(lambda pair: getattr(pair.networks[0], name))


class NetworkPair(BaseModel):
    """Base of methods that learn from noisy data with two networks.

    Both networks see the same batches and differ in their initial weights. Predictions
    are the mean of both. To those who look into a single estimator (contribution
    scores, evaluation of subsets), the pair shows its first network.

    Which epoch of a task it is in, a pair learns from :meth:`begin_epoch`, which
    ``TaskIncrementalTrainLoop`` calls. It is kept in checkpoints.

    Args:
        networks: Config of a ``MultiModalPoseEstimator`` that is built twice, or two of
            them.
        test_cfg: ``output``: ``'mean'``, ``'network0'`` or ``'network1'``; the rest is
            the networks' own.
        data_preprocessor: Config; ``MultiModalDataPreprocessor`` by default.
        init_cfg: As in MMEngine.

    Raises:
        ValueError: If there are not two networks, they have different modalities or
            auxiliary heads, or the output is unknown.
    """

    modalities = _of_first('modalities')
    encoders = _of_first('encoders')
    fusion = _of_first('fusion')
    head = _of_first('head')
    constraint = _of_first('constraint')
    consolidation = _of_first('consolidation')
    auxiliary_heads = _of_first('auxiliary_heads')
    absent = _of_first('absent')
    loss_weights = _of_first('loss_weights')
    subsets = _of_first('subsets')
    last_features = _of_first('last_features')
    last_present = _of_first('last_present')
    last_pose = _of_first('last_pose')
    last_losses = _of_first('last_losses')
    encode = _of_first('encode')
    present = _of_first('present')
    predict_features = _of_first('predict_features')
    predict_subsets = _of_first('predict_subsets')
    sample_losses = _of_first('sample_losses')

    def __init__(
        self,
        networks: dict | Sequence[dict],
        *,
        test_cfg: dict | None = None,
        data_preprocessor: dict | None = None,
        init_cfg: Any = None,
    ) -> None:
        # Built here, so that its type is found without a default scope.
        super().__init__(
            MODELS.build(data_preprocessor or dict(type='MultiModalDataPreprocessor')),
            init_cfg,
        )
        configs = [networks] * 2 if isinstance(networks, Mapping) else list(networks)
        if len(configs) != 2:
            raise ValueError(
                f'networks must be one config, which is built twice, or two, got '
                f'{len(configs)}'
            )
        options = dict(test_cfg or {})
        self.output = options.pop('output', 'mean')
        if self.output not in OUTPUTS:
            raise ValueError(
                f'test_cfg.output must be one of {list(OUTPUTS)}, got {self.output!r}'
            )
        self.pair = ModuleList([_build(config, options) for config in configs])
        _check_alike(*self.networks)
        self.stage_epoch: int | None = None

    @property
    def networks(self) -> tuple[MultiModalPoseEstimator, ...]:
        """Both networks."""
        return tuple(self.pair)

    def begin_epoch(
        self, loader: DataLoader, stage_epoch: int, num_epochs: int
    ) -> None:
        """Prepare for an epoch.

        Args:
            loader: The training data of the epoch.
            stage_epoch: Number of the epoch in its task, from 0.
            num_epochs: Epochs of the task.
        """
        self.stage_epoch = stage_epoch

    @property
    def epoch_in_task(self) -> int:
        """Number of the epoch in its task, from 0.

        Raises:
            ValueError: If no epoch has begun.
        """
        if self.stage_epoch is None:
            raise ValueError(
                f'{type(self).__name__} must be told which epoch it is in, by '
                'begin_epoch: train it with train_cfg=dict(type='
                "'TaskIncrementalTrainLoop', ...), if need be with a single task"
            )
        return self.stage_epoch

    def forward(
        self,
        inputs: dict[str, Tensor],
        data_samples: Mapping[str, Any] | None = None,
        mode: str = 'tensor',
    ) -> Any:
        """Losses, predictions or poses ``(B, K, 3)``, as ``mode`` says.

        Args:
            inputs: As :class:`MultiModalPoseEstimator` takes them.
            data_samples: ``pose`` ``(B, K, 3)``, metres, and ``samples``.
            mode: ``'loss'``, ``'predict'`` or ``'tensor'``.
        """
        if mode == 'loss':
            return self.loss(inputs, data_samples or {})
        if mode == 'predict':
            return self.predict(inputs, data_samples or {})
        if mode == 'tensor':
            poses = [network(inputs).float() for network in self._speakers]
            return torch.stack(poses).mean(dim=0)
        raise ValueError(f"mode must be 'loss', 'predict' or 'tensor', got {mode!r}")

    @abstractmethod
    def loss(
        self, inputs: Mapping[str, Tensor], data_samples: Mapping[str, Any]
    ) -> dict[str, Tensor]:
        """Losses of a batch, ``network0.loss_...`` and ``network1.loss_...``."""

    def predict(
        self, inputs: Mapping[str, Tensor], data_samples: Mapping[str, Any]
    ) -> list[PoseDataSample]:
        """Poses of a batch, as those of a single estimator."""
        first, *others = self._speakers
        results = first.predict(inputs, data_samples)
        # The others must not write into the same samples.
        unnamed = {k: v for k, v in data_samples.items() if k != 'samples'}
        for other in others:
            for result, twin in zip(
                results, other.predict(inputs, unnamed), strict=True
            ):
                _average(result.pred_instances, twin.pred_instances)
        return results

    def losses_of(self, number: int, **losses: Tensor) -> dict[str, Tensor]:
        """Losses of a network under its name, those on its weights among them."""
        network = self.networks[number]
        network.last_losses = {FUSED: torch.stack(list(losses.values())).sum()}
        losses |= network.weight_losses()
        return {f'network{number}.{name}': loss for name, loss in losses.items()}

    def get_extra_state(self) -> dict[str, Any]:
        """What a checkpoint needs beside weights."""
        return {'stage_epoch': self.stage_epoch}

    def set_extra_state(self, state: dict[str, Any]) -> None:
        """Take over what a checkpoint has beside weights."""
        self.stage_epoch = state['stage_epoch']

    @property
    def _speakers(self) -> tuple[MultiModalPoseEstimator, ...]:
        """The networks whose predictions count."""
        if self.output == 'mean':
            return self.networks
        return (self.networks[OUTPUTS.index(self.output) - 1],)


def _build(config: Mapping[str, Any], test_cfg: dict) -> MultiModalPoseEstimator:
    own = dict(type='MultiModalPoseEstimator') | copy.deepcopy(dict(config))
    if test_cfg:
        own['test_cfg'] = dict(own.get('test_cfg') or {}) | test_cfg
    return MODELS.build(own)


def _check_alike(
    first: MultiModalPoseEstimator, second: MultiModalPoseEstimator
) -> None:
    if first.modalities != second.modalities:
        raise ValueError(
            f'both networks must have the same modalities, got {first.modalities} and '
            f'{second.modalities}'
        )
    if len(first.auxiliary_heads) or len(second.auxiliary_heads):
        raise ValueError(
            'networks of a pair have no losses for auxiliary heads: leave '
            'auxiliary_heads=False'
        )


def _average(instances: Any, others: Any) -> None:
    for name in ('keypoints', 'subset_keypoints'):
        if name in instances:
            mean = (instances[name] + others[name]) / 2
            instances.set_field(mean, name)
