"""Train more on samples without the dominant modality."""

from __future__ import annotations

import math
from typing import Any, Literal

import torch
from mmengine.hooks import Hook
from mmpose.registry import HOOKS

from mmpose_ext.datasets.samplers.modality_resampler import ModalityResampler
from mmpose_ext.engine.hooks.shapley_contribution_hook import SCORES
from mmpose_ext.engine.run_length import planned_steps
from mmpose_ext.engine.sample_passes import contributions
from mmpose_ext.engine.side_trip import bare_model, first_batches, side_trip
from mmpose_ext.evaluation.functional.dominance import Dominant, dominance

_STATE, _SALT = 'modality_resampling', 0x4E5A3


@HOOKS.register_module()
class ModalityResamplingHook(Hook):
    """Modality-level re-sampling (Wei et al., CVPR 2024), for regression.

    After some epochs of ordinary training, each epoch begins with an estimate of the
    modalities' contributions on a part of the training set, and samples without the
    dominant modality are added to it: ``alpha`` times the lead of that modality, as a
    share of the training set. The paper counts correct classes of subsets; here
    contributions are Shapley values of Pearson's correlation, as shares of their sum,
    see :func:`dominance`.

    The sampler must be ``ModalityResampler``. What was estimated and added is in the
    message hub and in checkpoints under ``modality_resampling``.

    Args:
        warm_up: Epochs before the first re-sampling.
        alpha: Added samples for a lead of 1, over the samples of the training set.
        dominant: ``'top'`` drops one modality; ``'superior'`` a group at once.
        scores: ``'estimate'``, or ``'shared'``: take those of
            ``ShapleyContributionHook`` (``contribution_scores`` in the message hub).
        estimate_share: Part of the training batches that an estimate takes.

    Raises:
        ValueError: If an option is out of range; before training, if the run has
            another sampler or the model a single modality.
    """

    # After DistSamplerSeedHook (50), which sets the epoch of the sampler.
    priority = 'BELOW_NORMAL'

    def __init__(
        self,
        warm_up: int = 5,
        *,
        alpha: float = 1.0,
        dominant: Dominant = 'top',
        scores: Literal['estimate', 'shared'] = 'estimate',
        estimate_share: float = 0.2,
    ) -> None:
        if warm_up < 0 or alpha < 0 or not 0 < estimate_share <= 1:
            raise ValueError(
                'expected warm_up and alpha of at least 0 and estimate_share in (0, 1],'
                f' got {warm_up}, {alpha} and {estimate_share}'
            )
        if dominant not in ('top', 'superior'):
            raise ValueError(f"dominant must be 'top' or 'superior', got {dominant!r}")
        if scores not in ('estimate', 'shared'):
            raise ValueError(f"scores must be 'estimate' or 'shared', got {scores!r}")
        self.warm_up, self.alpha, self.dominant = warm_up, alpha, dominant
        self.scores, self.estimate_share = scores, estimate_share

    def before_train(self, runner: Any) -> None:
        """Check the run."""
        sampler = runner.train_dataloader.sampler
        if not isinstance(sampler, ModalityResampler):
            raise ValueError(
                'ModalityResamplingHook needs train_dataloader.sampler=dict(type='
                f"'ModalityResampler'), got {type(sampler).__name__}"
            )
        modalities = bare_model(runner.model).modalities
        if len(modalities) < 2:
            raise ValueError(
                f'the model has only {list(modalities)}; re-sampling needs at least '
                'two modalities'
            )

    def before_train_epoch(self, runner: Any) -> None:
        """Choose what is added in this epoch."""
        sampler = runner.train_dataloader.sampler
        sampler.resample()
        if runner.epoch >= self.warm_up:
            scores = self._contributions(runner)
            values = torch.tensor(list(scores.values()), dtype=torch.float64)
            drop, lead = dominance(values, dominant=self.dominant)
            sampler.resample(drop, self.alpha * lead)
            self._keep(runner, scores)
        _set_length(runner)

    def _contributions(self, runner: Any) -> dict[str, float]:
        """Contribution of each modality."""
        if self.scores == 'estimate':
            return self._estimate(runner)
        shared = runner.message_hub.get_info(SCORES)
        if not shared:
            raise ValueError(
                "ModalityResamplingHook has scores='shared', but there are no "
                'contribution_scores yet: add dict(type='
                "'ShapleyContributionHook') to custom_hooks, with warm_up of at least "
                "1 here, or take scores='estimate'"
            )
        return {name: shared[name] for name in bare_model(runner.model).modalities}

    def _estimate(self, runner: Any) -> dict[str, float]:
        model, loader = bare_model(runner.model), runner.train_dataloader
        count = max(1, math.floor(self.estimate_share * len(loader)))
        with side_trip(runner.model, step=runner.iter, salt=_SALT):
            batches = first_batches(loader, count, epoch=runner.epoch)
            return contributions(model, batches)

    def _keep(self, runner: Any, scores: dict[str, float]) -> None:
        """Put what was chosen into the message hub and the log."""
        sampler, names = runner.train_dataloader.sampler, list(scores)
        row = {
            'epoch': runner.epoch,
            'scores': scores,
            'drop': [names[number] for number in sampler.drop],
            'added': sampler.num_added,
        }
        history = runner.message_hub.get_info(_STATE) or []
        history = [old for old in history if old['epoch'] < runner.epoch]
        runner.message_hub.update_info(_STATE, [*history, row])
        runner.logger.info(
            f'epoch {runner.epoch + 1} has {sampler.num_added} further samples without '
            f'{", ".join(row["drop"]) or "nothing"}'
        )


def _set_length(runner: Any) -> None:
    """Tell the run how many steps it has, now that an epoch's length has changed."""
    total = planned_steps(runner.train_loop)
    runner.train_loop._max_iters = total
    runner.message_hub.update_info('max_iters', total)
    wrapper = runner.optim_wrapper
    wrapper._max_counts = total
    wrapper._remainder_counts = total % wrapper._accumulative_counts
