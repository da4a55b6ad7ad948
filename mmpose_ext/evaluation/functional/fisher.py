"""The diagonal of the empirical Fisher information: how much a loss feels a weight.

The mean over samples of the squared gradient of a sample's loss. Its unit is that of
the loss squared over that of the weight squared, so a loss in millimetres gives a
million times what one in metres gives; the package feeds metres.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap

Estimator = Literal['per_sample', 'batch']
ESTIMATORS = ('per_sample', 'batch')
Batch = Any
"""Tensors with samples along their first axis, in nested dicts, lists and tuples."""
LossesOf = Callable[[nn.Module, Batch], Tensor]
"""From a model and a batch to the loss of each sample ``(B,)``."""

_MEMORY = 2**26
"""Numbers in the gradients of a chunk by default: 256 MB."""


def diagonal_fisher(
    model: nn.Module,
    losses_of: LossesOf,
    batches: Iterable[Batch],
    *,
    names: Collection[str] | None = None,
    estimator: Estimator = 'per_sample',
    chunk_size: int | None = None,
) -> dict[str, Tensor]:
    """Estimate the diagonal.

    ``'per_sample'`` is the definition (Eq. 7 of Peng et al.; Kirkpatrick et al., 2017):
    each sample's gradient is squared. ``'batch'`` squares the gradient of each batch's
    mean loss, as many implementations do: one backward pass a batch, but where
    gradients of samples cancel it is smaller, by a factor up to the size of the batch.

    Samples' gradients are computed together by ``torch.func.vmap``, so many at a time
    as memory allows. What vmap cannot take (values read on the host, tensors written to
    in place, layers without a batching rule) is done sample by sample, with a warning.

    The model is used as it is: put it into evaluation mode before, so that batch norm
    does not mix samples. Weights keep their gradients, and may be frozen.

    Args:
        model: The network.
        losses_of: Losses ``(B,)`` of a batch.
        batches: Samples; each batch counts by its size.
        names: Parameters to look at; by default those that are trained.
        estimator: ``'per_sample'`` or ``'batch'``.
        chunk_size: Samples whose gradients are in memory at a time; by default as many
            as 256 MB hold, 64 at most.

    Returns:
        Estimates by name of parameter, in its shape, float32.

    Raises:
        ValueError: If an option is out of range, a name is unknown, there is no sample,
            or losses are not ``(B,)``.
    """
    if estimator not in ESTIMATORS:
        raise ValueError(f'estimator={estimator!r}; expected one of {ESTIMATORS}')
    if chunk_size is not None and chunk_size < 1:
        raise ValueError(f'chunk_size must be positive, got {chunk_size}')
    parameters = _chosen(model, names)
    size = chunk_size or default_chunk_size(parameters.values())
    gradients = _Gradients(model, losses_of, parameters)
    sums = [torch.zeros_like(p, dtype=torch.float32) for p in parameters.values()]
    count = 0
    for batch in batches:
        samples = batch_size(batch)
        count += samples
        if estimator == 'batch':
            mean = [g.float() for g in gradients.of_mean(batch)]
            torch._foreach_addcmul_(sums, mean, mean, value=float(samples))
            continue
        for start in range(0, samples, size):
            part = rows_of(batch, slice(start, start + size))
            torch._foreach_add_(sums, gradients.sums_of_squares(part))
    if not count:
        raise ValueError('the Fisher information needs at least one sample, got none')
    torch._foreach_div_(sums, float(count))
    return dict(zip(parameters, sums, strict=True))


def default_chunk_size(parameters: Iterable[Tensor]) -> int:
    """Samples whose gradients fill 256 MB, from 1 to 64."""
    weights = sum(parameter.numel() for parameter in parameters)
    return min(max(_MEMORY // max(weights, 1), 1), 64)


class _Gradients:
    """Gradients of the losses by the chosen parameters."""

    def __init__(
        self, model: nn.Module, losses_of: LossesOf, parameters: Mapping[str, Tensor]
    ) -> None:
        self.losses = _Losses(model, losses_of)
        self.parameters = {f'model.{name}': p for name, p in parameters.items()}
        self.vectorized = True

    def of_mean(self, batch: Batch) -> tuple[Tensor, ...]:
        """Of the mean loss."""
        with torch.enable_grad():
            leaves = {n: p.clone().requires_grad_() for n, p in self.parameters.items()}
            losses = functional_call(self.losses, leaves, (batch,))
            return torch.autograd.grad(
                losses.mean(), list(leaves.values()), materialize_grads=True
            )

    def sums_of_squares(self, batch: Batch) -> list[Tensor]:
        """Of the gradients of the samples' losses, float32."""
        if self.vectorized:
            try:
                squares = self._by_vmap(batch)
            except torch.OutOfMemoryError:
                raise
            except (RuntimeError, NotImplementedError) as error:
                self.vectorized = False
                reason = str(error).strip().splitlines()[0][:200]
                warnings.warn(
                    f'{type(self.losses.model).__name__}: gradients of samples are '
                    'computed one by one, since torch.func.vmap cannot take the model '
                    f"({reason}); estimator='batch' is faster",
                    stacklevel=4,
                )
            else:
                return squares
        samples = range(batch_size(batch))
        each = (self.of_mean(rows_of(batch, slice(i, i + 1))) for i in samples)
        total = [torch.zeros_like(p).float() for p in self.parameters.values()]
        for gradients in each:
            of_one = [g.float() for g in gradients]
            torch._foreach_addcmul_(total, of_one, of_one)
        return total

    def _by_vmap(self, batch: Batch) -> list[Tensor]:
        def loss(parameters: dict[str, Tensor], sample: Batch) -> Tensor:
            alone = _map(lambda x: x.unsqueeze(0), sample)
            return functional_call(self.losses, parameters, (alone,)).squeeze(0)

        # Else the results would carry the graph of the weights that are not chosen.
        with torch.no_grad():
            gradients = vmap(grad(loss), in_dims=(None, 0))(self.parameters, batch)
        return [g.float().square().sum(0) for g in gradients.values()]


class _Losses(nn.Module):
    """The loss of each sample as a module, which `functional_call` needs."""

    def __init__(self, model: nn.Module, losses_of: LossesOf) -> None:
        super().__init__()
        self.model, self.losses_of = model, losses_of
        # Registering must not change the mode of the model.
        self.training = model.training

    def forward(self, batch: Batch) -> Tensor:
        losses = self.losses_of(self.model, batch)
        samples = batch_size(batch)
        if losses.shape != (samples,):
            raise ValueError(
                f'expected the losses of {samples} samples, ({samples},), got shape '
                f'{tuple(losses.shape)}'
            )
        return losses


def _chosen(model: nn.Module, names: Collection[str] | None) -> dict[str, Tensor]:
    known = dict(model.named_parameters())
    if names is None:
        names = [name for name, p in known.items() if p.requires_grad]
    unknown = sorted(set(names) - set(known))
    if unknown or not names:
        raise ValueError(
            f'{type(model).__name__} has no parameters {unknown[:5]}; names must be '
            f'among {list(known)[:5]} and so on, at least one'
        )
    return {name: known[name].detach() for name in names}


def batch_size(batch: Batch) -> int:
    """Samples in a batch.

    Raises:
        ValueError: If its tensors differ in their number, or there is none.
    """
    sizes: set[int] = set()
    _map(lambda x: sizes.add(len(x)), batch)
    if len(sizes) != 1:
        raise ValueError(
            'a batch needs tensors with the same number of samples, got '
            f'{sorted(sizes)}'
        )
    return sizes.pop()


def rows_of(batch: Batch, rows: slice) -> Batch:
    """Some samples of a batch."""
    return _map(lambda x: x[rows], batch)


def _map(function: Callable[[Tensor], Any], batch: Batch) -> Batch:
    if isinstance(batch, Mapping):
        return {name: _map(function, value) for name, value in batch.items()}
    if isinstance(batch, list | tuple):
        return type(batch)(_map(function, value) for value in batch)
    return function(batch)
