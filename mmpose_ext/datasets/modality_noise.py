"""What spoils the input of a sensor: noise in place of it or added to it.

Peng et al. (arXiv 2501.05264v1) corrupt one sensor in a share of the samples, 'raw' or
'unaligned', and leave to a supplement that is not public how. What is here is our
proposal: noise that has the range of the sensor but nothing of the person.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np

from mmpose_ext.datasets.mmfi_layout import MODALITIES, POINT_MODALITIES

Mode = Literal['replace', 'add']


@dataclass(frozen=True)
class NoiseRecipe:
    """How raw noise of one sensor is made.

    Attributes:
        mode: ``'replace'`` puts noise in place of the input, ``'add'`` onto it.
        strength: Standard deviation of added noise over that of the clean values.
    """

    mode: Mode = 'replace'
    strength: float = 1.0

    def __post_init__(self) -> None:
        if self.mode not in get_args(Mode) or not 0 < self.strength < np.inf:
            raise ValueError(
                f'mode={self.mode!r}, strength={self.strength}; expected one of '
                f'{get_args(Mode)} and a positive strength'
            )


@dataclass(frozen=True, eq=False)
class ColumnStatistics:
    """Of each coordinate of keypoints or points, in its unit; ``(C,)`` each."""

    mean: np.ndarray
    std: np.ndarray
    low: np.ndarray
    high: np.ndarray

    @classmethod
    def of(cls, arrays: Sequence[np.ndarray]) -> ColumnStatistics:
        """Statistics of arrays ``(..., C)``; 0 if none has a row."""
        rows = np.concatenate([a.reshape(-1, a.shape[-1]) for a in arrays], axis=0)
        rows = rows.astype(np.float64) if len(rows) else np.zeros((1, rows.shape[1]))
        return cls(rows.mean(0), rows.std(0), rows.min(0), rows.max(0))


def read_recipes(
    recipes: Mapping[str, Mapping[str, Any]] | None,
) -> dict[str, NoiseRecipe]:
    """Recipes of all sensors, the default for those that are not named.

    Raises:
        ValueError: If a sensor or an option is unknown.
    """
    given = dict(recipes or {})
    unknown = [name for name in given if name not in MODALITIES]
    if unknown:
        raise ValueError(f'recipe names {unknown}; expected some of {list(MODALITIES)}')
    known = set(NoiseRecipe.__dataclass_fields__)
    for name, options in given.items():
        if set(options) - known:
            raise ValueError(
                f'recipe[{name!r}]={dict(options)}; expected some of {sorted(known)}'
            )
    return {name: NoiseRecipe(**given.get(name, {})) for name in MODALITIES}


def draw_noisy(num_samples: int, ratio: float, seed: int) -> np.ndarray:
    """Choose the noisy samples.

    With the same seed, those of a smaller ratio are among those of a larger one.

    Args:
        num_samples: N.
        ratio: Share of noisy ones.
        seed: Of the choice, from 0 on.

    Returns:
        ``(N,)`` bool, ``round(ratio * N)`` of them true.
    """
    order = np.random.default_rng([seed, 0]).permutation(num_samples)
    noisy = np.zeros(num_samples, dtype=bool)
    noisy[order[: round(ratio * num_samples)]] = True
    return noisy


def draw_partners(num_samples: int, seed: int) -> np.ndarray:
    """Give each sample another one; none is given twice.

    Args:
        num_samples: N, at least 2.
        seed: Of the choice, from 0 on.

    Returns:
        Numbers of the others ``(N,)``, a permutation in one cycle.
    """
    order = np.random.default_rng([seed, 1]).permutation(num_samples)
    partners = np.empty_like(order)
    partners[order] = np.roll(order, 1)
    return partners


def sample_generator(seed: int, sample: int) -> np.random.Generator:
    """Random numbers of one sample, whenever and wherever it is read."""
    return np.random.default_rng([seed, 2, sample])


def raw_noise(
    modality: str,
    clean: np.ndarray,
    statistics: ColumnStatistics | None,
    recipe: NoiseRecipe,
    generator: np.random.Generator,
) -> np.ndarray:
    """Noise instead of the input of a sensor, or the input with noise.

    In place of keypoints come Gaussian ones, each frame of a window for itself; of
    points, as many anywhere in the box of all points, Doppler and intensity likewise;
    of amplitudes, uniform ones between the extremes of the frame. Added noise is
    Gaussian; amplitudes stay at or above 0.

    Args:
        modality: ``'rgb'``, ``'lidar'``, ``'mmwave'`` or ``'wifi'``.
        clean: Its input, ``(T, 17, 2)`` pixels, ``(N, C)`` or ``(3, 114, 10)``.
        statistics: Of the training set; amplitudes need none.
        recipe: What to do.
        generator: Of this sample.

    Returns:
        The same shape, float32.
    """
    if modality == 'wifi':
        return _amplitude_noise(clean, recipe, generator)
    assert statistics is not None
    if recipe.mode == 'add':
        sigma = recipe.strength * statistics.std
        noise = clean + sigma * generator.standard_normal(clean.shape)
    elif modality in POINT_MODALITIES:
        noise = generator.uniform(statistics.low, statistics.high, clean.shape)
    else:
        noise = generator.normal(statistics.mean, statistics.std, clean.shape)
    return noise.astype(np.float32)


def phase_noise(
    clean: np.ndarray, recipe: NoiseRecipe, generator: np.random.Generator
) -> np.ndarray:
    """The same for the phase of channel state, radians; its range is the circle.

    Returns:
        As many angles, float32, not wrapped.
    """
    noise = generator.uniform(-np.pi, np.pi, clean.shape)
    if recipe.mode == 'add':
        sigma = recipe.strength * np.pi / np.sqrt(3)
        noise = clean + sigma * generator.standard_normal(clean.shape)
    return noise.astype(np.float32)


def _amplitude_noise(
    clean: np.ndarray, recipe: NoiseRecipe, generator: np.random.Generator
) -> np.ndarray:
    if recipe.mode == 'add':
        sigma = recipe.strength * clean.std()
        noise = clean + sigma * generator.standard_normal(clean.shape)
        return noise.clip(min=0).astype(np.float32)
    noise = generator.uniform(clean.min(), clean.max(), clean.shape)
    return noise.astype(np.float32)
