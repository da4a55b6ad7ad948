"""Move encoders part of the way back to where they began."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any

import torch
from mmengine.dist import all_reduce, get_world_size
from mmengine.hooks import Hook
from mmengine.optim import OptimWrapperDict
from mmpose.registry import HOOKS
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from mmpose_ext.engine.hooks.shapley_contribution_hook import (
    SCORES,
    ShapleyContributionHook,
)
from mmpose_ext.engine.initial_weights import InitialWeights, blend_with
from mmpose_ext.engine.side_trip import bare_model, first_batches, side_trip
from mmpose_ext.evaluation.functional.two_means import (
    Groups,
    check_groups,
    strengths_by_score,
)

_SALT = 0x2E1EA


@HOOKS.register_module()
class ModalityRelearningHook(Hook):
    """Adaptive re-learning (Peng et al., arXiv 2501.05264 v1, Eq. 4 and Algorithm 1).

    At the end of one epoch each encoder is blended with its initial weights, ``theta =
    alpha theta_0 + (1 - alpha) theta``: modalities of the upper group of contribution
    scores with ``alpha_superior``, the others, which are reset more, with
    ``alpha_inferior``. Parameters are blended, buffers are not; what becomes of the
    moments of the optimiser and of the statistics of batch norm, the paper does not
    say: both are options, by default left as they are.

    Needs ``ShapleyContributionHook`` in the same run. The initial weights are in
    checkpoints until they have been used.

    Args:
        epoch: Number r of the epoch after which it happens, from 0 on, as in the
            algorithm: 20 is after 21 epochs.
        alpha_superior: Share of the initial weights in superior encoders.
        alpha_inferior: The same in inferior ones.
        groups: ``'two_means'`` (the paper) or ``'continuous'``, see
            :func:`~mmpose_ext.evaluation.functional.strengths_by_score`.
        reset_optimizer: Forget the moments of the encoders' parameters.
        recalibrate_bn: Training batches over which the encoders' batch norm statistics
            are estimated anew; 0 leaves them.

    Raises:
        ValueError: If an option is out of range; before training, if the epoch is
            beyond the last one or there is no ``ShapleyContributionHook``.
    """

    # After ShapleyContributionHook (70), before CheckpointHook (90).
    priority = 75

    def __init__(
        self,
        epoch: int = 20,
        *,
        alpha_superior: float = 0.5,
        alpha_inferior: float = 0.7,
        groups: Groups = 'two_means',
        reset_optimizer: bool = False,
        recalibrate_bn: int = 0,
    ) -> None:
        if epoch < 0 or recalibrate_bn < 0:
            raise ValueError(
                'epoch and recalibrate_bn must not be negative, got '
                f'{epoch} and {recalibrate_bn}'
            )
        if not (0 <= alpha_superior <= 1 and 0 <= alpha_inferior <= 1):
            raise ValueError(
                'alpha_superior and alpha_inferior are shares from 0 to 1, got '
                f'{alpha_superior} and {alpha_inferior}'
            )
        check_groups(groups)
        self.epoch, self.groups = epoch, groups
        self.alpha_superior, self.alpha_inferior = alpha_superior, alpha_inferior
        self.reset_optimizer, self.recalibrate_bn = reset_optimizer, recalibrate_bn
        self.initial = InitialWeights('modality_relearning')

    def before_train(self, runner: Any) -> None:
        """Check the run and keep its initial weights."""
        if self.epoch >= runner.max_epochs:
            raise ValueError(
                f'ModalityRelearningHook.epoch={self.epoch}, but the last of '
                f'{runner.max_epochs} epochs is number {runner.max_epochs - 1}'
            )
        if not any(isinstance(hook, ShapleyContributionHook) for hook in runner.hooks):
            raise ValueError(
                'ModalityRelearningHook needs scores: add '
                "dict(type='ShapleyContributionHook') to custom_hooks"
            )
        if runner.epoch <= self.epoch:
            encoders = bare_model(runner.model).encoders
            self.initial.start(encoders, resumed=runner.iter > 0)

    def after_train_epoch(self, runner: Any) -> None:
        """Re-learn."""
        if runner.epoch != self.epoch:
            return
        scores = runner.message_hub.get_info(SCORES)
        if not scores:
            raise ValueError(
                f'there are no contribution scores after {runner.epoch + 1} epochs; '
                'look at the warnings of ShapleyContributionHook'
            )
        alphas = strengths_by_score(
            scores, self.alpha_superior, self.alpha_inferior, self.groups
        )
        encoders = bare_model(runner.model).encoders
        blend_with(encoders, self.initial.weights, alphas)
        self.initial.forget()
        if self.reset_optimizer:
            forget_moments(runner.optim_wrapper, encoders.parameters())
        if self.recalibrate_bn:
            self._recalibrate(runner)
        text = ', '.join(f'{name} {alpha:g}' for name, alpha in alphas.items())
        runner.logger.info(
            f're-learned after epoch {runner.epoch + 1}: shares of the initial '
            f'weights: {text}'
        )

    def before_save_checkpoint(self, runner: Any, checkpoint: dict) -> None:
        """Put the initial weights into the checkpoint."""
        self.initial.save(checkpoint)

    def after_load_checkpoint(self, runner: Any, checkpoint: dict) -> None:
        """Take the initial weights from it."""
        self.initial.load(checkpoint)

    def _recalibrate(self, runner: Any) -> None:
        model = bare_model(runner.model)
        with side_trip(runner.model, step=runner.iter, salt=_SALT):
            batches = first_batches(
                runner.train_dataloader, self.recalibrate_bn, epoch=runner.epoch
            )
            recalibrate_batch_norm(
                model.encoders,
                (
                    lambda data=data: model.encode(
                        model.data_preprocessor(data, False)['inputs']
                    )
                    for data in batches
                ),
            )


def forget_moments(wrapper: Any, parameters: Iterable[Tensor]) -> None:
    """Drop what optimisers remember of some parameters."""
    wrappers = wrapper.values() if isinstance(wrapper, OptimWrapperDict) else [wrapper]
    chosen = list(parameters)
    for one, parameter in itertools.product(wrappers, chosen):
        one.optimizer.state.pop(parameter, None)


@torch.no_grad()
def recalibrate_batch_norm(network: nn.Module, passes: Iterable[Any]) -> None:
    """Estimate running statistics anew, as plain means over batches and processes.

    Args:
        network: Its batch norm layers go into training mode, all others into
            evaluation mode; they are left so.
        passes: Functions that run a batch through it.
    """
    network.eval()
    layers = [
        layer
        for layer in network.modules()
        if isinstance(layer, _BatchNorm) and layer.track_running_stats
    ]
    momenta = [layer.momentum for layer in layers]
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None
        layer.train()
    try:
        for run in passes if layers else ():
            run()
    finally:
        for layer, momentum in zip(layers, momenta, strict=True):
            layer.momentum = momentum
    for layer in layers if get_world_size() > 1 else ():
        all_reduce(layer.running_mean, 'mean')
        all_reduce(layer.running_var, 'mean')
