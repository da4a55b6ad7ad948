"""Draw pairs of a source and a target sample."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from mmengine.dist import get_dist_info, sync_random_seed
from mmpose.registry import DATA_SAMPLERS
from torch.utils.data import ConcatDataset, Sampler

_SOURCE, _TARGET = 0, 1


@DATA_SAMPLERS.register_module()
class SourceTargetSampler(Sampler):
    """Alternate between two datasets: source, target, source, target, ...

    A batch of an even size therefore holds pairs, the source samples at ``[0::2]`` and
    the target samples at ``[1::2]``. With another ratio, samples come in groups such as
    source, target, target, target; the batch size is then a multiple of a group. Each
    domain is shuffled for itself. One pass goes once through the target, which is an
    epoch of semi-supervised training; the source goes on from pass to pass, so that all
    of it is used, however the two sizes differ.

    Group number p belongs to the process of rank ``p % world_size``; a pass is rounded
    up, with target samples from its beginning, to whole groups and a multiple of the
    processes. What group p is depends on the seed, p and the number of processes alone,
    so that a resumed run goes on with the groups of an uninterrupted one: MMEngine's
    iteration loop calls :meth:`skip`, its epoch loop :meth:`set_epoch`.

    Args:
        dataset: A ``ConcatDataset`` of exactly two datasets, source and target:
            MMEngine's, or ``SemiSupervisedDataset``.
        seed: Of the shuffling; must be the same in all processes. ``None`` draws one.
        shuffle: Shuffle; otherwise both datasets are gone through in order.
        infinite: Never end, as ``IterBasedTrainLoop`` wants it. ``False`` ends after
            one pass, for ``EpochBasedTrainLoop``.
        ratio: Source and target samples of a group.
        replacement: Draw each source sample from all of them, as the released code of
            the two students does. Otherwise none comes again before all have come.
        draws: Yield pairs of the sample's number and that of the draw, which counts all
            samples of the run and of all processes. ``SemiSupervisedDataset`` makes
            its random transforms a matter of it.

    Raises:
        ValueError: If the dataset is not a concatenation of two, or one is empty, or an
            option is out of range.
    """

    def __init__(
        self,
        dataset: ConcatDataset,
        *,
        seed: int | None = None,
        shuffle: bool = True,
        infinite: bool = True,
        ratio: Sequence[int] = (1, 1),
        replacement: bool = False,
        draws: bool = False,
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
        if len(ratio) != 2 or min(ratio) < 1:
            raise ValueError(
                f'ratio={tuple(ratio)}; expected the source and target samples of a '
                'group, both at least 1'
            )
        if replacement and not shuffle:
            raise ValueError('replacement=True draws at random; leave shuffle on')
        self.rank, self.world_size = get_dist_info()
        self.seed = sync_random_seed() if seed is None else seed
        self.shuffle = shuffle
        self.infinite = infinite
        self.ratio = (int(ratio[0]), int(ratio[1]))
        self.replacement, self.draws = replacement, draws
        self.epoch = 0
        self._start = 0
        self._skipped = 0

    def __len__(self) -> int:
        """Samples of one pass of this process."""
        return sum(self.ratio) * self._groups_of_rank

    def __iter__(self) -> Iterator[int] | Iterator[tuple[int, int]]:
        """Numbers of samples in the concatenated dataset, or pairs with draws."""
        if self.infinite:
            passes = itertools.count(self._skipped // len(self))
            samples = itertools.chain.from_iterable(map(self._pass, passes))
            return itertools.islice(samples, self._skipped % len(self), None)
        return itertools.islice(self._pass(self.epoch), self._start, None)

    def set_epoch(self, epoch: int, start: int = 0) -> None:
        """Choose the pass, where passes end; an infinite sampler counts for itself.

        Args:
            epoch: Number of the pass.
            start: Samples of this process to leave out at its beginning, which a run
                that stopped in the middle of the pass has already seen.
        """
        if not 0 <= start <= len(self):
            raise ValueError(f'start={start}; a pass has {len(self)} samples')
        self.epoch, self._start = epoch, start

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
    def _groups_of_rank(self) -> int:
        return -(-self.sizes[_TARGET] // (self.ratio[_TARGET] * self.world_size))

    def _pass(self, number: int) -> Iterator[Any]:
        """Samples of one pass of this process, group by group."""
        groups = self._groups_of_rank * self.world_size
        mine = np.arange(self.rank, groups, self.world_size)
        source, target = (_places(mine, size) for size in self.ratio)
        samples = np.concatenate(
            [
                self._sources(number, source, groups * self.ratio[_SOURCE]),
                self._order(_TARGET, number)[target % self.sizes[_TARGET]]
                + self.sizes[_SOURCE],
            ],
            axis=1,
        ).ravel()
        if not self.draws:
            return iter(samples.tolist())
        numbers = _places(number * groups + mine, sum(self.ratio)).ravel()
        return iter(list(zip(samples.tolist(), numbers.tolist(), strict=True)))

    def _sources(self, number: int, places: np.ndarray, in_pass: int) -> np.ndarray:
        """Source samples at some places of a pass."""
        size = self.sizes[_SOURCE]
        if self.replacement:
            return self._generator(_SOURCE, number).integers(size, size=in_pass)[places]
        # The place in the endless sequence of shuffled sources.
        rounds, places = np.divmod(number * in_pass + places, size)
        source = np.empty_like(places)
        for shuffling in np.unique(rounds).tolist():
            these = rounds == shuffling
            source[these] = self._order(_SOURCE, shuffling)[places[these]]
        return source

    def _order(self, domain: int, number: int) -> np.ndarray:
        """A dataset's samples in the order of one of its shufflings."""
        size = self.sizes[domain]
        if not self.shuffle:
            return np.arange(size)
        return self._generator(domain, number).permutation(size)

    def _generator(self, domain: int, number: int) -> np.random.Generator:
        return np.random.default_rng([self.seed, domain, number])


def _places(groups: np.ndarray, size: int) -> np.ndarray:
    """Places ``(groups, size)`` of the samples of groups of this size."""
    return groups[:, None] * size + np.arange(size)
