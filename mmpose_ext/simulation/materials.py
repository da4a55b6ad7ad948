"""What things are made of: colours and patterns in space."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

PATTERNS = ('plain', 'stripes', 'checks', 'dots', 'blotches')
"""How two colours may be mixed."""


@dataclass(frozen=True, eq=False)
class Material:
    """Two colours, mixed by a pattern that fills space.

    Args:
        colour: Linear RGB ``(3,)``, 0 to 1.
        accent: The second colour ``(3,)``.
        pattern: One of :data:`PATTERNS`.
        waves: Three wave vectors ``(3, 3)``, radians a metre, that lay the pattern out.
        phases: Their phases ``(3,)``.
        share: Part of the first colour, roughly, 0 to 1.
        relief: How uneven the shading is, as a fraction: folds of cloth.
    """

    colour: np.ndarray
    accent: np.ndarray
    pattern: str = 'plain'
    waves: np.ndarray = field(default_factory=lambda: np.eye(3) * 40.0)
    phases: np.ndarray = field(default_factory=lambda: np.zeros(3))
    share: float = 0.5
    relief: float = 0.0

    def colours(self, points: np.ndarray) -> np.ndarray:
        """Linear RGB ``(N, 3)`` at points ``(N, 3)`` of the thing's own frame."""
        points = points.astype(np.float32, copy=False)
        mixed: np.ndarray = self.colour.astype(np.float32)
        if self.pattern != 'plain':
            waves, phases = np.float32(self.waves.T), np.float32(self.phases)
            mix = self._mix(points @ waves + phases)
            mixed = mixed + mix[:, None] * np.float32(self.accent - self.colour)
        if self.relief:
            folds = points @ _FOLDS
            folds = np.sin(
                folds[:, 0] + 2 * np.sin(folds[:, 1]) + np.float32(self.phases[2])
            )
            mixed = mixed * (1 + np.float32(self.relief) * folds)[:, None]
        return np.broadcast_to(mixed, points.shape)

    def _mix(self, phase: np.ndarray) -> np.ndarray:
        """How much ``(N,)`` of the accent there is."""
        edge = np.float32(2 * self.share - 1)
        if self.pattern == 'blotches':
            phase[:, 0] += 1.7 * np.sin(phase[:, 1]) + 1.3 * np.sin(phase[:, 2])
            return _step(np.sin(phase[:, 0]) - edge)
        wave = np.sin(phase)
        if self.pattern == 'stripes':
            return _step(wave[:, 0] - edge)
        if self.pattern == 'checks':
            return 0.5 * (_step(wave[:, 0] - edge) + _step(wave[:, 1] - edge))
        return _step(wave[:, 0] + wave[:, 1] + wave[:, 2] - edge - 1)


_FOLDS = np.array([[34, 13], [11, 38], [21, -17]], np.float32)


def fabric(
    generator: np.random.Generator,
    colour: np.ndarray | None = None,
    *,
    plain: float = 0.5,
    period: tuple[float, float] = (0.03, 0.16),
) -> Material:
    """Draw a cloth; its stripes run around the body or along it.

    Args:
        generator: Source of randomness.
        colour: The first colour ``(3,)``; drawn if not given.
        plain: Probability that it has one colour only.
        period: Least and greatest width of a stripe with its gap, metres.

    Returns:
        The material.
    """
    colour = random_colour(generator) if colour is None else colour
    pattern = 'plain'
    if generator.random() >= plain:
        pattern = str(generator.choice(PATTERNS[1:], p=(0.45, 0.2, 0.1, 0.25)))
    directions = np.eye(3)[[2, 1, 0]]
    if generator.random() < 0.3:
        directions = directions[[1, 0, 2]]
    if pattern == 'blotches':
        directions = random_directions(generator, 3)
    length = np.exp(generator.uniform(*np.log(period)))
    return Material(
        colour,
        random_colour(generator),
        pattern,
        waves=directions * (2 * np.pi / length),
        phases=generator.uniform(0, 2 * np.pi, 3),
        share=generator.uniform(0.3, 0.75),
        relief=generator.uniform(0.03, 0.16),
    )


def random_colour(generator: np.random.Generator) -> np.ndarray:
    """A colour of clothes and furniture, linear RGB ``(3,)``: a third are greys."""
    hue, value = generator.random(), generator.uniform(0.08, 0.95)
    if generator.random() < 0.35:
        return hsv(hue, generator.uniform(0, 0.12), value)
    return hsv(hue, generator.uniform(0.15, 0.95), max(value, 0.2))


def hsv(hue: float, saturation: float, value: float) -> np.ndarray:
    """Linear RGB ``(3,)`` of hue, saturation and value, each 0 to 1."""
    wheel = np.abs((hue * 6 + np.array([0.0, 4, 2])) % 6 - 3)
    wheel = np.clip(wheel - 1, 0, 1)
    rgb = value * (1 - saturation * (1 - wheel))
    return rgb**2.2


def random_directions(generator: np.random.Generator, count: int) -> np.ndarray:
    """Unit vectors ``(count, 3)``, evenly over the sphere."""
    vectors = generator.standard_normal((count, 3))
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def _step(value: np.ndarray) -> np.ndarray:
    return np.clip(0.5 + 4 * value, 0, 1)
