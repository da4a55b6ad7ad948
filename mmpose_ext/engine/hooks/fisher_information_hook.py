"""Hold encoders near their initial weights, by what the loss feels of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from mmengine.dist import all_reduce, get_world_size
from mmengine.hooks import Hook
from mmpose.registry import HOOKS
from torch import Tensor

from mmpose_ext.choices import check_choice
from mmpose_ext.engine.contribution_meter import MAX_EXACT
from mmpose_ext.engine.hooks.shapley_contribution_hook import SCORES
from mmpose_ext.engine.initial_weights import InitialWeights
from mmpose_ext.engine.sample_passes import (
    contributions,
    losses_of_samples,
    prepared,
)
from mmpose_ext.engine.side_trip import bare_model, first_batches, side_trip
from mmpose_ext.evaluation.functional.fisher import (
    ESTIMATORS,
    Estimator,
    diagonal_fisher,
)
from mmpose_ext.evaluation.functional.two_means import (
    Groups,
    check_groups,
    strengths_by_score,
)

_ESTIMATE, _SALT = 'fisher_information_estimate', 0xF15E4
_PREFIX = 'encoders.'


@HOOKS.register_module()
class FisherInformationHook(Hook):
    """Estimate Fisher information for the adaptive weight constraint.

    Peng et al. (CVPR 2026): in the first epochs the model's ``WeightConstraintLoss``
    pulls each encoder to its initial weights, as strongly as the Fisher information of
    a weight says, times ``alpha_superior`` for modalities of the upper group of
    contribution scores and ``alpha_inferior`` for the others. All parameters of an
    encoder belong to its modality; fusion and head are free. The reference stays the
    initial weights; the information is estimated anew before each epoch (the paper does
    not say how often), or with ``interval`` less often. The groups follow the latest
    scores in every epoch all the same.

    The loss is MPJPE in metres, so the information is in square metres over the square
    of the weight's unit; the papers, whose strengths are 20,000 and 10,000, state
    neither unit nor estimator. The ratio of constraint to pose loss is logged after
    each epoch (scalar ``constraint/ratio``), which tells whether the strengths fit.

    Encoders are in evaluation mode for the estimate and full precision; random numbers,
    the order of samples and batch norm statistics are undisturbed. Several processes
    average their estimates. Initial weights and the latest estimate are in checkpoints
    while they are needed.

    Args:
        alpha_superior: Strength for superior modalities.
        alpha_inferior: Strength for inferior modalities.
        window: Epochs K with the constraint.
        interval: Epochs between estimates; 0 for one at the beginning.
        num_batches: Training batches of an estimate; ``None`` for all.
        estimator: ``'batch'`` or ``'per_sample'`` (the definition), see
            :func:`~mmpose_ext.evaluation.functional.diagonal_fisher`.
        chunk_size: Samples at a time with ``'per_sample'``.
        groups: ``'two_means'`` (the paper) or ``'continuous'``, see
            :func:`~mmpose_ext.evaluation.functional.strengths_by_score`.
        first_epoch: What to do before there are scores: ``'score'``, by a pass over the
            same batches, or ``'superior'``, all modalities are. Without
            ``ShapleyContributionHook`` that holds for all epochs.
        normalize: ``'mean'`` divides the information by its mean over all encoders, so
            that strengths do not depend on its unit; ``None`` (the paper) does not.

    Raises:
        ValueError: If an option is out of range; before training, if the model has no
            constraint, or too many modalities to score them here.
        FloatingPointError: In training, if an estimate is not finite.
    """

    # After DistSamplerSeedHook (50) and hooks that choose samples (60).
    priority = 70

    def __init__(
        self,
        alpha_superior: float = 20_000.0,
        alpha_inferior: float = 10_000.0,
        *,
        window: int = 20,
        interval: int = 1,
        num_batches: int | None = None,
        estimator: Estimator = 'batch',
        chunk_size: int | None = None,
        groups: Groups = 'two_means',
        first_epoch: Literal['score', 'superior'] = 'score',
        normalize: Literal['mean'] | None = None,
    ) -> None:
        if min(alpha_superior, alpha_inferior) < 0:
            raise ValueError(
                'alpha_superior and alpha_inferior must not be negative, got '
                f'{alpha_superior} and {alpha_inferior}'
            )
        if window < 1 or interval < 0 or (num_batches is not None and num_batches < 1):
            raise ValueError(
                'window and num_batches must be positive and interval not negative, '
                f'got {window}, {num_batches} and {interval}'
            )
        check_groups(groups)
        check_choice('estimator', estimator, ESTIMATORS)
        check_choice('first_epoch', first_epoch, ('score', 'superior'))
        check_choice('normalize', normalize, (None, 'mean'))
        self.alphas = alpha_superior, alpha_inferior
        self.window, self.interval = window, interval
        self.num_batches, self.groups = num_batches, groups
        self.first_epoch, self.normalize = first_epoch, normalize
        self.options: dict[str, Any] = dict(estimator=estimator, chunk_size=chunk_size)
        self.initial = InitialWeights('fisher_information')
        self._fisher: dict[str, Tensor] = {}
        self._scores: dict[str, float] = {}
        self._loaded: dict[str, Any] = {}
        self._steps = 0

    def before_train(self, runner: Any) -> None:
        """Keep the initial weights, and go on with the estimate of a resumed run."""
        model = bare_model(runner.model)
        if getattr(model, 'constraint', None) is None:
            raise ValueError(
                'FisherInformationHook sets the constraint of a model; set '
                "model.constraint=dict(type='WeightConstraintLoss')"
            )
        if self.first_epoch == 'score' and len(model.modalities) > MAX_EXACT:
            raise ValueError(
                f"first_epoch='score' is for {MAX_EXACT} modalities at most, the model "
                f"has {len(model.modalities)}: choose first_epoch='superior'"
            )
        model.constraint.clear()
        resumed = runner.iter > 0
        known, self._loaded = (self._loaded if resumed else {}), {}
        estimate = known.get('fisher') or {}
        self._fisher = {name: value.cpu() for name, value in estimate.items()}
        self._scores = dict(known.get('scores') or {})
        if runner.epoch < self.window:
            self.initial.start(model.encoders, resumed=resumed)

    def before_train_epoch(self, runner: Any) -> None:
        """Estimate and constrain, or end the constraint."""
        self._steps = 0
        constraint = bare_model(runner.model).constraint
        if runner.epoch >= self.window:
            if constraint.active:
                runner.logger.info(f'no constraint from epoch {runner.epoch + 1} on')
            constraint.clear()
            self.initial.forget()
            self._fisher = {}
            return
        due = self.interval and runner.epoch % self.interval == 0
        if due or not self._fisher:
            self._estimate(runner)
        else:
            self._scores = runner.message_hub.get_info(SCORES) or self._scores
        self._constrain(runner)

    def after_train_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Count the steps of the epoch."""
        self._steps += 1

    def after_train_epoch(self, runner: Any) -> None:
        """Log how strong the constraint is."""
        scalars = runner.message_hub.log_scalars
        keys = 'train/loss_constraint', 'train/loss_pose'
        if not bare_model(runner.model).constraint.active or not self._steps:
            return
        if not set(keys) <= set(scalars):
            return
        of_constraint, of_pose = (scalars[key].mean(self._steps) for key in keys)
        ratio = float(of_constraint / max(of_pose, 1e-12))
        runner.message_hub.update_scalar('constraint/ratio', ratio)
        runner.visualizer.add_scalars({'constraint/ratio': ratio}, step=runner.iter)
        runner.logger.info(
            f'constraint in epoch {runner.epoch + 1}: {ratio:.3g} times the pose loss'
        )

    def before_save_checkpoint(self, runner: Any, checkpoint: dict) -> None:
        """Put initial weights and the estimate into the checkpoint."""
        self.initial.save(checkpoint)
        if self._fisher:
            checkpoint[_ESTIMATE] = {'fisher': self._fisher, 'scores': self._scores}

    def after_load_checkpoint(self, runner: Any, checkpoint: dict) -> None:
        """Take them from it."""
        self.initial.load(checkpoint)
        self._loaded = dict(checkpoint.get(_ESTIMATE) or {})

    def _estimate(self, runner: Any) -> None:
        """Information and scores as of now, the former in main memory."""
        model = bare_model(runner.model)
        with side_trip(runner.model, step=runner.iter, salt=_SALT):
            model.eval()
            scores = runner.message_hub.get_info(SCORES) or self._score(runner)
            fisher = diagonal_fisher(
                model,
                losses_of_samples,
                prepared(model, self._batches(runner)),
                names=[_PREFIX + n for n, _ in model.encoders.named_parameters()],
                **self.options,
            )
        fisher = {n.removeprefix(_PREFIX): f for n, f in fisher.items()}
        if get_world_size() > 1:
            for value in fisher.values():
                all_reduce(value, 'mean')
        self._fisher = {name: value.cpu() for name, value in fisher.items()}
        self._scores = dict(scores)

    def _constrain(self, runner: Any) -> None:
        """Set the constraint from the latest information and scores."""
        model, fisher = bare_model(runner.model), self._fisher
        strengths = strengths_by_score(self._scores, *self.alphas, self.groups)
        means = self._report(runner, fisher, strengths)
        if self.normalize == 'mean':
            count = sum(value.numel() for value in fisher.values())
            whole = sum(float(value.sum()) for value in fisher.values()) / count
            fisher = {name: value / (whole or 1.0) for name, value in fisher.items()}
        for modality, mean in means.items():
            runner.message_hub.update_scalar(f'fisher/{modality}', mean)
        device = next(model.parameters()).device
        reference = {
            name: self.initial.weights[name].to(device)
            for name in self.initial.weights
            if name in fisher
        }
        moved = {name: value.to(device) for name, value in fisher.items()}
        model.constraint.set(reference, moved, strengths)

    def _batches(self, runner: Any) -> Iterator[Any]:
        """The first batches of this epoch."""
        return first_batches(
            runner.train_dataloader, self.num_batches, epoch=runner.epoch
        )

    def _score(self, runner: Any) -> dict[str, float]:
        model = bare_model(runner.model)
        if self.first_epoch == 'superior':
            return dict.fromkeys(model.modalities, 0.0)
        return contributions(model, self._batches(runner))

    def _report(
        self, runner: Any, fisher: Mapping[str, Tensor], strengths: Mapping[str, float]
    ) -> dict[str, float]:
        """Mean information of each encoder, logged with its strength."""
        means = {}
        for modality in strengths:
            of_it = [f for n, f in fisher.items() if n.startswith(f'{modality}.')]
            total = sum(float(value.sum()) for value in of_it)
            means[modality] = total / max(sum(value.numel() for value in of_it), 1)
        bad = [name for name, mean in means.items() if not 0 <= mean < float('inf')]
        if bad:
            raise FloatingPointError(
                f'the Fisher information of {bad} is not finite before epoch '
                f'{runner.epoch + 1}: look for NaN in the inputs or the weights'
            )
        text = ', '.join(
            f'{name} {mean:.3g} x {strengths[name]:g}' for name, mean in means.items()
        )
        runner.logger.info(
            f'constraint from epoch {runner.epoch + 1} on (mean Fisher information, '
            f'm^2, x strength): {text}'
        )
        return means
