"""Draw pairs of a source and a target sample."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import numpy as np
from mmengine.dist import get_dist_info, sync_random_seed
from mmpose.registry import DATA_SAMPLERS
from torch.utils.data import ConcatDataset, Sampler

_SOURCE, _TARGET = 0, 1


@DATA_SAMPLERS.register_module()
class SourceTargetSampler(Sampler):
    """Alternate between two datasets: source, target, source, target, ...

    A batch of an even size therefore holds pairs, the source samples at ``[0::2]`` and
    the target samples at ``[1::2]``. Each domain is shuffled for itself. One pass goes
    once through the target; the source goes on from pass to pass, so that all of it is
    used, however the two sizes differ.

    Pair number p belongs to the process of rank ``p % world_size``; a pass is rounded
    up, with target samples from its beginning, to a multiple of the processes. What
    pair p is depends on the seed, p and the number of processes alone, so that a
    resumed run goes on with the pairs of an uninterrupted one: MMEngine's iteration
    loop calls :meth:`skip`, its epoch loop :meth:`set_epoch`.

    Args:
        dataset: MMEngine's ``ConcatDataset`` of exactly two datasets, source and
            target.
        seed: Of the shuffling; must be the same in all processes. ``None`` draws one.
        shuffle: Shuffle; otherwise both datasets are gone through in order.
        infinite: Never end, as ``IterBasedTrainLoop`` wants it. ``False`` ends after
            one pass, for ``EpochBasedTrainLoop``.

    Raises:
        ValueError: If the dataset is not a concatenation of two, or one is empty.
    """

    def __init__(
        self,
        dataset: ConcatDataset,
        *,
        seed: int | None = None,
        shuffle: bool = True,
        infinite: bool = True,
    ) -> None:
        parts = getattr(dataset, 'datasets', ())
        if not isinstance(dataset, ConcatDataset) or len(parts) != 2:
            raise ValueError(
                'SourceTargetSampler needs dict(type="ConcatDataset", datasets=[source,'
                f' target]), got {type(dataset).__name__} of {len(parts)} datasets'
            )
        self.sizes = tuple(len(part) for part in parts)
        if not all(self.sizes):
            raise ValueError(
                f'source and target have {self.sizes} samples; both need at least one'
            )
        self.rank, self.world_size = get_dist_info()
        self.seed = sync_random_seed() if seed is None else seed
        self.shuffle = shuffle
        self.infinite = infinite
        self.epoch = 0
        self._skipped = 0

    def __len__(self) -> int:
        """Samples of one pass of this process."""
        return 2 * self._pairs_of_rank

    def __iter__(self) -> Iterator[int]:
        """Numbers of samples in the concatenated dataset."""
        if self.infinite:
            passes = itertools.count(self._skipped // len(self))
            samples = itertools.chain.from_iterable(map(self._pass, passes))
            return itertools.islice(samples, self._skipped % len(self), None)
        return self._pass(self.epoch)

    def set_epoch(self, epoch: int) -> None:
        """Choose the pass, where passes end; an infinite sampler counts for itself."""
        self.epoch = epoch

    @property
    def skip(self) -> Callable[[int], None]:
        """Start behind the samples that this process has already drawn.

        ``skip(num_samples)`` counts from the start of the run, as MMEngine's
        ``InfiniteSampler.skip`` does. Only an infinite sampler has it: the last batch
        of a pass may be smaller, so batches do not tell how many samples were drawn.
        """
        if not self.infinite:
            raise AttributeError('only an infinite SourceTargetSampler can skip')
        return self._skip

    def _skip(self, num_samples: int) -> None:
        if num_samples < 0:
            raise ValueError(f'num_samples must be at least 0, got {num_samples}')
        self._skipped = num_samples

    @property
    def _pairs_of_rank(self) -> int:
        return -(-self.sizes[_TARGET] // self.world_size)

    def _pass(self, number: int) -> Iterator[int]:
        """Samples of one pass of this process, in turn from source and target."""
        source_size, target_size = self.sizes
        pairs = self._pairs_of_rank * self.world_size
        within = np.arange(self.rank, pairs, self.world_size)
        # Its place in the endless sequence of shuffled sources.
        rounds, places = np.divmod(number * pairs + within, source_size)
        source = np.empty_like(places)
        for shuffling in np.unique(rounds).tolist():
            mine = rounds == shuffling
            source[mine] = self._order(_SOURCE, shuffling)[places[mine]]
        target = self._order(_TARGET, number)[within % target_size] + source_size
        yield from np.stack([source, target], axis=1).ravel().tolist()

    def _order(self, domain: int, number: int) -> np.ndarray:
        """A dataset's samples in the order of one of its shufflings."""
        size = self.sizes[domain]
        if not self.shuffle:
            return np.arange(size)
        generator = np.random.default_rng([self.seed, domain, number])
        return generator.permutation(size)
