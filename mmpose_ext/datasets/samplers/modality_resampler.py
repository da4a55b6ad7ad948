"""Draw some samples once more without their dominant modality."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence, Sized

import torch
from mmengine.dist import get_dist_info, sync_random_seed
from mmpose.registry import DATA_SAMPLERS
from torch.utils.data import Sampler

Item = int | tuple[int, tuple[int, ...]]

_SALT = 0x4E5A


@DATA_SAMPLERS.register_module()
class ModalityResampler(Sampler):
    """MMEngine's ``DefaultSampler``, to which samples without a modality are added.

    Wei et al. (CVPR 2024) append samples, drawn with replacement, whose dominant
    modality is left out. ``ModalityResamplingHook`` says before each epoch which and
    how many; until then this is the stock sampler, order included. A sample of the
    dataset is its number, an added one ``(number, drop)``, with the numbers of the
    modalities that it goes without; ``MMFiDataset`` takes both.

    An epoch depends on the seed, its number and what the hook said alone, the same in
    all processes, which share it as in the stock sampler.

    Args:
        dataset: The dataset.
        shuffle: Shuffle, the added samples among the others.
        seed: Of the shuffling; must be the same in all processes. ``None`` draws one.
        round_up: Repeat samples so that all processes have equally many.
    """

    def __init__(
        self,
        dataset: Sized,
        *,
        shuffle: bool = True,
        seed: int | None = None,
        round_up: bool = True,
    ) -> None:
        self.rank, self.world_size = get_dist_info()
        self.dataset, self.shuffle, self.round_up = dataset, shuffle, round_up
        self.seed = sync_random_seed() if seed is None else seed
        self.epoch = 0
        self.drop: tuple[int, ...] = ()
        self.num_added = 0

    def resample(self, drop: Sequence[int] = (), share: float = 0.0) -> None:
        """Choose what is added in the epochs to come; by default nothing.

        Args:
            drop: Numbers of the modalities that added samples go without.
            share: Added samples over samples of the dataset.

        Raises:
            ValueError: If samples are to be added from which nothing is dropped, or
                the share is negative.
        """
        if not math.isfinite(share) or share < 0 or (share > 0 and not drop):
            raise ValueError(
                'expected a share of at least 0, and with a positive one the '
                f'modalities to drop, got share={share} and drop={tuple(drop)}'
            )
        self.drop = tuple(drop)
        self.num_added = math.floor(share * len(self.dataset))

    def set_epoch(self, epoch: int) -> None:
        """Choose the shuffling."""
        self.epoch = epoch

    def __len__(self) -> int:
        """Samples of an epoch of this process."""
        total = len(self.dataset) + self.num_added
        if self.round_up:
            return math.ceil(total / self.world_size)
        return math.ceil((total - self.rank) / self.world_size)

    def __iter__(self) -> Iterator[Item]:
        """The samples of this process."""
        items: list[Item] = list(range(len(self.dataset)))
        items += [(number, self.drop) for number in self._added()]
        if self.shuffle:
            generator = torch.Generator().manual_seed(self.seed + self.epoch)
            order = torch.randperm(len(items), generator=generator).tolist()
            items = [items[place] for place in order]
        for turn in range(len(self)):
            yield items[(self.rank + turn * self.world_size) % len(items)]

    def _added(self) -> list[int]:
        """Numbers of the samples that are added, with replacement."""
        generator = torch.Generator().manual_seed((self.seed + self.epoch) ^ _SALT)
        shape = (self.num_added,)
        return torch.randint(len(self.dataset), shape, generator=generator).tolist()
