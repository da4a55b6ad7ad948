"""Edit the gradients of modalities between backward and step."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Literal

import torch
from mmengine.device import get_device
from mmengine.optim import OptimWrapper
from mmpose.registry import OPTIM_WRAPPERS
from torch import Tensor, nn
from torch.amp import GradScaler
from torch.optim import Optimizer

Precision = Literal['float16', 'bfloat16']

_INTERFACE = ('encoders', 'fusion', 'modalities', 'predict_subsets')
_MODULATION, _SCALER = 'modulation', 'loss_scaler'


@OPTIM_WRAPPERS.register_module()
class ModalityOptimWrapper(OptimWrapper):
    """What methods that edit gradients of a multi-modal model share.

    Hooks come too late for this: MMEngine's ``update_params`` runs backward and step in
    one call. A subclass looks at each backward pass in :meth:`observe` and changes the
    gradients in :meth:`edit_gradients`, once a step: after the last batch of an
    accumulation, on the mean over processes, unscaled, before they are clipped.

    ``constructor='ModalityOptimWrapperConstructor'`` hands it the model. This class
    itself changes nothing.

    Args:
        optimizer: The optimiser.
        dtype: Autocast the forward pass to ``'float16'`` (with loss scaling) or
            ``'bfloat16'``, on any device; ``None`` for full precision.
        loss_scale: With float16: ``'dynamic'``, or options of torch's ``GradScaler``.
        begin: First epoch with edited gradients, from 0.
        end: First epoch after them; ``None`` for all.
        log_interval: Steps between those whose factors are logged, for which the
            processor waits for the device.
        **options: ``accumulative_counts`` and ``clip_grad`` as in MMEngine.

    Raises:
        ValueError: If an option is out of range.
    """

    min_modalities = 1

    def __init__(
        self,
        optimizer: Optimizer,
        *,
        dtype: Precision | None = None,
        loss_scale: Literal['dynamic'] | dict[str, Any] = 'dynamic',
        begin: int = 0,
        end: int | None = None,
        log_interval: int = 10,
        **options: Any,
    ) -> None:
        super().__init__(optimizer, **options)
        if dtype not in (None, 'float16', 'bfloat16'):
            raise ValueError(
                f"dtype must be 'float16', 'bfloat16' or None, got {dtype!r}"
            )
        if begin < 0 or (end is not None and end < begin):
            raise ValueError(f'expected 0 <= begin <= end, got {begin} and {end}')
        if log_interval < 1:
            raise ValueError(f'log_interval must be positive, got {log_interval}')
        self.dtype = None if dtype is None else getattr(torch, dtype)
        scaling = {} if loss_scale == 'dynamic' else dict(loss_scale)
        self.loss_scaler = (
            GradScaler(get_device(), **scaling) if dtype == 'float16' else None
        )
        self.begin, self.end = begin, end
        self.log_interval, self._num_edits = log_interval, 0
        self._model: nn.Module | None = None

    @property
    def model(self) -> Any:
        """The model that it is bound to."""
        if self._model is None:
            raise RuntimeError(
                f'{type(self).__name__} knows no model; set optim_wrapper.constructor='
                "'ModalityOptimWrapperConstructor'"
            )
        return self._model

    @property
    def modalities(self) -> tuple[str, ...]:
        """Their names, in the model's order."""
        return tuple(self.model.modalities)

    @property
    def active(self) -> bool:
        """Whether gradients are edited in this epoch."""
        epoch = self.message_hub.get_info('epoch', 0) or 0
        return self.begin <= epoch and (self.end is None or epoch < self.end)

    def bind(self, model: nn.Module) -> None:
        """Take the model whose gradients are edited, without its parallel wrapper.

        Raises:
            TypeError: If it is no multi-modal model.
            ValueError: If the method cannot be used with it.
        """
        lacking = [name for name in _INTERFACE if not hasattr(model, name)]
        if lacking:
            raise TypeError(
                f'{type(self).__name__} edits gradients of MultiModalPoseEstimator; '
                f'{type(model).__name__} has no {lacking}'
            )
        self._model = model
        if len(self.modalities) < self.min_modalities:
            raise ValueError(
                f'{type(self).__name__} balances modalities; the model has only '
                f'{list(self.modalities)}. Use OptimWrapper with one modality'
            )

    def observe(self) -> None:
        """Look at the batch that was just differentiated; nothing by default."""

    def edit_gradients(self) -> None:
        """Change ``.grad`` of parameters in place; nothing by default."""

    def modulation_state(self) -> dict[str, Any]:
        """What the edits of a resumed run need."""
        return {}

    def load_modulation_state(self, state: dict[str, Any]) -> None:
        """Go on from :meth:`modulation_state`."""

    @contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        """Autocast inside the ordinary context (gradient accumulation)."""
        with ExitStack() as stack:
            stack.enter_context(super().optim_context(model))
            if self.dtype is not None:
                stack.enter_context(torch.autocast(get_device(), dtype=self.dtype))
            yield

    def scaled(self, loss: Tensor) -> Tensor:
        """The loss times the scale of float16 training."""
        return loss if self.loss_scaler is None else self.loss_scaler.scale(loss)

    def backward(self, loss: Tensor, **kwargs: Any) -> None:
        """Differentiate a loss, and look at it."""
        active = self.model is not None and self.active
        super().backward(self.scaled(loss), **kwargs)
        if active:
            with torch.no_grad():
                self.observe()

    def step(self, **kwargs: Any) -> None:
        """Edit gradients, clip them, step."""
        if self.loss_scaler is not None:
            self.loss_scaler.unscale_(self.optimizer)
        if self.active:
            with torch.no_grad():
                self.edit_gradients()
            self._num_edits += 1
        if self.loss_scaler is None:
            super().step(**kwargs)
            return
        if self.clip_grad_kwargs:
            self._clip_grad()
        self.loss_scaler.step(self.optimizer, **kwargs)
        self.loss_scaler.update()

    def predict_subsets(self, masks: Tensor) -> Tensor:
        """What the model would predict of the last batch from subsets of modalities.

        Args:
            masks: ``(S, M)``.

        Returns:
            ``(S, B, K, 3)``, metres, in full precision.
        """
        features = {name: x.float() for name, x in self.model.last_features.items()}
        return self.model.predict_subsets(features, masks, self.model.last_present)

    def gradients(self, modality: str) -> list[Tensor]:
        """Those of a modality's encoder; parameters without any are left out."""
        parameters = self.model.encoders[modality].parameters()
        return [p.grad for p in parameters if p.grad is not None]

    def log(self, name: str, values: Tensor) -> None:
        """Log one value a modality ``(M,)``, if it is time; NaN, for none, never."""
        if self._num_edits % self.log_interval:
            return
        for modality, number in zip(self.modalities, values.tolist(), strict=True):
            if not math.isnan(number):
                self.message_hub.update_scalar(f'train/{name}/{modality}', number)

    def state_dict(self) -> dict[str, Any]:
        """The optimiser's state, the loss scale's and that of the edits."""
        state = super().state_dict()
        state[_MODULATION] = self.modulation_state()
        if self.loss_scaler is not None:
            state[_SCALER] = self.loss_scaler.state_dict()
        return state

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from :meth:`state_dict`, or from that of an ordinary wrapper."""
        state = dict(state_dict)
        self.load_modulation_state(state.pop(_MODULATION, {}))
        scaler = state.pop(_SCALER, None)
        if self.loss_scaler is not None and scaler:
            self.loss_scaler.load_state_dict(scaler)
        super().load_state_dict(state)
