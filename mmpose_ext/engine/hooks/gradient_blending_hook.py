"""Weigh the losses of all modalities and of each by how they generalise."""

from __future__ import annotations

import copy
import logging
from collections.abc import Sequence
from typing import Any

import torch
from mmengine.dist import all_reduce, get_world_size
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpose.registry import HOOKS
from torch import Tensor
from torch.utils.data import DataLoader

from mmpose_ext.engine.side_trip import (
    bare_model,
    first_batches,
    set_sampler_epoch,
    side_trip,
)
from mmpose_ext.models.estimators.multi_modal_pose_estimator import FUSED
from mmpose_ext.models.loss_blending import blending_weights

_STATE, _SALT = 'gradient_blending', 0xB1E4D


@HOOKS.register_module()
class GradientBlendingHook(Hook):
    """Gradient Blending (Wang et al., CVPR 2020) for models with auxiliary heads.

    To weigh the losses, a copy of the model is trained for some epochs on the fused
    loss alone and one on the auxiliary losses alone, and losses on training and on
    held-out data are compared before and after, see :func:`blending_weights`. One copy
    does for all auxiliary heads: their modalities share no weights, so each learns what
    it would learn alone (unless gradients are clipped by their common norm). Offline
    weights are estimated once, online ones anew every ``super_epoch`` epochs.

    Nothing of the estimate remains in the run: weights, buffers, optimiser, random
    numbers and the order of samples are restored. Weights are in checkpoints and are
    logged; the message hub has all of them under ``gradient_blending``.

    Args:
        super_epoch: Epochs between estimates, and epochs that copies are trained for.
        online: Estimate every super-epoch, not only before the first epoch.
        train_epochs: Other number of epochs for copies.
        num_batches: Most batches of an epoch of a copy and of a measurement; ``None``
            for all.
        held_out: Config of a data loader for held-out data. ``None`` takes that of the
            validation, whose scores then are those of data that chose the weights.
        min_overfitting: See :func:`blending_weights`, metres.

    Raises:
        ValueError: If an option is out of range; before training, if the model has no
            auxiliary heads or there is no held-out data.
    """

    # After DistSamplerSeedHook (50), which sets the epoch of the sampler.
    priority = 'BELOW_NORMAL'

    def __init__(
        self,
        super_epoch: int = 10,
        *,
        online: bool = True,
        train_epochs: int | None = None,
        num_batches: int | None = None,
        held_out: dict | None = None,
        min_overfitting: float = 1e-3,
    ) -> None:
        epochs = super_epoch if train_epochs is None else train_epochs
        if min(super_epoch, epochs, 1 if num_batches is None else num_batches) < 1:
            raise ValueError(
                'super_epoch, train_epochs and num_batches must be positive, got '
                f'{super_epoch}, {train_epochs}, {num_batches}'
            )
        if min_overfitting <= 0:
            raise ValueError(f'min_overfitting must be positive, got {min_overfitting}')
        self.super_epoch, self.train_epochs = super_epoch, epochs
        self.online, self.num_batches = online, num_batches
        self.held_out, self.min_overfitting = held_out, min_overfitting
        self._held_out_loader: Any = None

    def before_train(self, runner: Any) -> None:
        """Check the run, and go on with the weights of the run that is resumed."""
        model = bare_model(runner.model)
        if not getattr(model, 'auxiliary_heads', None):
            raise ValueError(
                'GradientBlendingHook weighs the losses of auxiliary heads; set '
                'model.auxiliary_heads=True'
            )
        self._held_out_loader = self._find_held_out(runner)
        known = runner.message_hub.get_info(_STATE) if runner.iter > 0 else None
        if known:
            model.loss_weights.update(known['weights'])

    def before_train_epoch(self, runner: Any) -> None:
        """Estimate the weights, if this epoch begins a super-epoch."""
        due = runner.epoch % self.super_epoch == 0 if self.online else runner.epoch == 0
        if not due:
            return
        weights = self._estimate(runner)
        bare_model(runner.model).loss_weights.update(weights)
        history = (runner.message_hub.get_info(_STATE) or {}).get('history', [])
        history = [row for row in history if row['epoch'] < runner.epoch]
        history.append({'epoch': runner.epoch, **weights})
        state = {'weights': weights, 'history': history}
        runner.message_hub.update_info(_STATE, state)
        text = ', '.join(f'{name} {weight:.3f}' for name, weight in weights.items())
        first = runner.epoch + 1
        runner.logger.info(f'weights of losses from epoch {first} on: {text}')

    def after_train_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Log the weights."""
        for name, weight in bare_model(runner.model).loss_weights.items():
            runner.message_hub.update_scalar(f'train/blending/{name}', weight)

    def _find_held_out(self, runner: Any) -> DataLoader:
        if self.held_out is not None:
            return Runner.build_dataloader(copy.deepcopy(self.held_out), seed=0)
        if runner.val_loop is None:
            raise ValueError(
                'GradientBlendingHook compares losses on training and on held-out '
                'data: give it held_out=dict(<a data loader>), or the run a '
                'val_dataloader'
            )
        runner.logger.log(
            logging.WARNING,
            'Gradient Blending chooses weights of losses on the validation data; '
            'held_out=dict(<a data loader>) takes others',
        )
        return runner.val_dataloader

    def _estimate(self, runner: Any) -> dict[str, float]:
        model = bare_model(runner.model)
        names = list(model.loss_weights)
        weights = dict(model.loss_weights)
        start = {k: v.detach().clone() for k, v in model.state_dict().items()}
        optimiser = _OptimiserState(runner.optim_wrapper)
        try:
            with side_trip(runner.model, step=runner.iter, salt=_SALT):
                before = self._measure(runner, names)
                after = before.clone()
                for group in ((FUSED,), tuple(n for n in names if n != FUSED)):
                    optimiser.forget()
                    self._train(runner, group)
                    chosen = [names.index(name) for name in group]
                    after[:, chosen] = self._measure(runner, names)[:, chosen]
                    model.load_state_dict(start)
        finally:
            model.load_state_dict(start)
            model.loss_weights.update(weights)
            optimiser.restore()
            set_sampler_epoch(runner.train_dataloader, runner.epoch)
        train, held_out = torch.stack([before, after], dim=1)
        blended = blending_weights(
            train, held_out, min_overfitting=self.min_overfitting
        )
        return dict(zip(names, blended.tolist(), strict=True))

    def _train(self, runner: Any, losses: Sequence[str]) -> None:
        """Train the model on some of its losses."""
        weights = bare_model(runner.model).loss_weights
        weights.update({name: float(name in losses) for name in weights})
        runner.model.train()
        loader = runner.train_dataloader
        for epoch in range(runner.epoch, runner.epoch + self.train_epochs):
            for batch in first_batches(loader, self.num_batches, epoch=epoch):
                runner.model.train_step(batch, optim_wrapper=runner.optim_wrapper)

    def _measure(self, runner: Any, names: Sequence[str]) -> Tensor:
        """Mean losses on training and held-out data ``(2, L)``, metres."""
        loaders = runner.train_dataloader, self._held_out_loader
        return torch.stack(
            [
                mean_losses(
                    bare_model(runner.model),
                    first_batches(loader, self.num_batches, epoch=runner.epoch),
                    names,
                )
                for loader in loaders
            ]
        )


@torch.no_grad()
def mean_losses(model: Any, batches: Any, names: Sequence[str]) -> Tensor:
    """Unweighted losses in evaluation mode, mean over samples and processes.

    Args:
        model: With ``last_losses``, not wrapped.
        batches: As the data loader gives them.
        names: Of losses.

    Returns:
        ``(L,)``, metres, float64.
    """
    model.eval()
    device = next(model.parameters()).device
    sums = torch.zeros(len(names) + 1, dtype=torch.float64, device=device)
    for batch in batches:
        model(**model.data_preprocessor(batch, False), mode='loss')
        values = torch.stack([model.last_losses[name] for name in names]).double()
        ones = values.new_ones(1)
        sums += len(model.last_pose) * torch.cat([values, ones])
    if get_world_size() > 1:
        all_reduce(sums)
    return sums[:-1] / sums[-1].clamp(min=1)


class _OptimiserState:
    """The state of an optimiser wrapper, to train something else in between."""

    def __init__(self, wrapper: Any) -> None:
        self.wrapper = wrapper
        self.state = copy.deepcopy(wrapper.state_dict())
        self.counts = {
            name: getattr(wrapper, name)
            for name in ('_inner_count', '_max_counts', '_remainder_counts')
        }

    def forget(self) -> None:
        """Begin anew, with the present learning rates."""
        self.wrapper.optimizer.state.clear()
        self.wrapper.zero_grad()
        for name, value in zip(self.counts, (0, -1, -1), strict=True):
            setattr(self.wrapper, name, value)

    def restore(self) -> None:
        """Go back to the state at the beginning."""
        self.wrapper.load_state_dict(self.state)
        for name, value in self.counts.items():
            setattr(self.wrapper, name, value)
