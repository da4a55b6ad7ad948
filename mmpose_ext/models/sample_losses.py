"""The loss of each sample of a data set, as it stands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from mmengine.dist import all_reduce, get_rank, get_world_size
from mmpose.structures import PoseDataSample
from torch import Tensor
from torch.utils.data import DataLoader

from mmpose_ext.models.evaluation_mode import evaluating


@torch.no_grad()
def dataset_losses(
    networks: Sequence[Any], loader: DataLoader, preprocess: Any
) -> Tensor:
    """Losses of all samples of a loader's data set, whatever its sampler draws.

    Networks are in evaluation mode meanwhile. The run's random numbers stay as they
    are, provided that no transform draws any. Processes share the work.

    Args:
        networks: Modules with a method ``sample_losses(inputs, data_samples)`` that
            gives ``(B,)``.
        loader: Of batches whose samples have ``sample_idx``, their place in the data
            set.
        preprocess: The data preprocessor of the model.

    Returns:
        ``(n, N)`` for n networks and N samples, float32, on the CPU.

    Raises:
        ValueError: If samples have no ``sample_idx``, or it is not their place.
    """
    size = len(loader.dataset)  # type: ignore[arg-type]
    device = next(networks[0].parameters()).device
    losses = torch.zeros(len(networks), size, device=device)
    seen = torch.zeros(size, dtype=torch.bool)
    for batch in _in_order(loader, size):
        data = preprocess(batch, False)
        place = sample_numbers(data['data_samples'].get('samples'), size)
        seen[place] = True
        place = place.to(device)
        for row, network in zip(losses, networks, strict=True):
            with evaluating(network):
                row[place] = network.sample_losses(
                    data['inputs'], data['data_samples']
                ).float()
    missing = size - int(seen.sum()) - _of_other_processes(size)
    if missing:
        raise ValueError(
            f'sample_idx of {missing} of {size} samples is that of another sample: it '
            'must be the place in the data set, as MMFiDataset.get_subset keeps it'
        )
    all_reduce(losses)
    return losses.cpu()


def sample_numbers(
    samples: Sequence[PoseDataSample] | None, size: int | None = None
) -> Tensor:
    """Places of a batch's samples in their data set ``(B,)``, int64, on the CPU.

    Args:
        samples: Of the batch.
        size: Samples of the data set, if known.

    Raises:
        ValueError: If samples have no ``sample_idx``, or one is out of range.
    """
    numbers = [sample.metainfo.get('sample_idx') for sample in samples or ()]
    if not numbers or None in numbers:
        raise ValueError(
            'samples of the batch have no sample_idx, by which their losses are told '
            "apart; keep 'sample_idx' among the meta_keys of PackMultiModalInputs"
        )
    places = torch.tensor(numbers)
    if size is not None and not 0 <= min(numbers) <= max(numbers) < size:
        raise ValueError(
            f'sample_idx goes from {min(numbers)} to {max(numbers)} in a data set of '
            f'{size} samples: take a part of MMFiDataset with its get_subset, which '
            'counts anew'
        )
    return places


def _in_order(loader: DataLoader, size: int) -> DataLoader:
    """The same batches, in the order of the data set; this process's part of them."""
    batch_size = loader.batch_size or getattr(loader.batch_sampler, 'batch_size', 1)
    return DataLoader(
        loader.dataset,
        batch_size=batch_size,
        sampler=range(get_rank(), size, get_world_size()),
        num_workers=loader.num_workers,
        collate_fn=loader.collate_fn,
        # A loader draws a seed for its workers, otherwise from the run's generator.
        generator=torch.Generator(),
    )


def _of_other_processes(size: int) -> int:
    return size - len(range(get_rank(), size, get_world_size()))
