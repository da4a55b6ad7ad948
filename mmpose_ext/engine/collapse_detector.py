"""Tells a collapse of semi-supervised training by the height of heatmaps."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, Literal

Event = Literal['collapse', 'recovery']


@dataclass(frozen=True)
class CollapseRule:
    """When the ratio ``rho = teacher / labelled`` counts as collapsed.

    Args:
        threshold: Share of its maximum so far below which the smoothed ratio is a
            collapse.
        recovery: Share of its maximum at which it is over.
        smoothing: Weight of what was before in the exponential mean of samples.
        burn_in: Steps that do not count.
        min_labelled: Height on labelled images that samples need to count; before it
            the ratio says nothing.

    Raises:
        ValueError: If an option is out of range.
    """

    threshold: float = 0.6
    recovery: float = 0.75
    smoothing: float = 0.8
    burn_in: int = 300
    min_labelled: float = 0.2

    def __post_init__(self) -> None:
        if not 0 < self.threshold <= self.recovery <= 1:
            raise ValueError(
                'expected 0 < threshold <= recovery <= 1, got threshold='
                f'{self.threshold} and recovery={self.recovery}'
            )
        if not 0 <= self.smoothing < 1:
            raise ValueError(f'smoothing must be in [0, 1), got {self.smoothing}')
        if self.burn_in < 0 or self.min_labelled < 0:
            raise ValueError(
                'burn_in and min_labelled must not be negative, got '
                f'{self.burn_in} and {self.min_labelled}'
            )


@dataclass
class CollapseDetector:
    """Watches the mean height of heatmaps, sample after sample.

    Args:
        rule: When it is a collapse.
        rho: Smoothed ratio of teacher to labelled; ``None`` before the first sample
            that counts.
        gap: Smoothed difference of teacher and student. It is positive in healthy runs
            and about 0 in collapsed ones.
        peak: Maximum of ``rho`` so far.
        peak_step: Where it was.
        collapsed: Whether the run is in a collapse.
    """

    rule: CollapseRule
    rho: float | None = None
    gap: float = 0.0
    peak: float = 0.0
    peak_step: int = 0
    collapsed: bool = False

    @property
    def flag(self) -> float | None:
        """The ratio below which it is a collapse."""
        return None if self.rho is None else self.rule.threshold * self.peak

    def update(
        self, step: int, labelled: float, teacher: float, student: float
    ) -> Event | None:
        """Take in a sample.

        Args:
            step: Of the training, ascending.
            labelled: Mean height on labelled images.
            teacher: Mean height of the teacher on easy views.
            student: Mean height of the student on hard views.

        Returns:
            What has just begun, if anything.
        """
        finite = all(map(math.isfinite, (labelled, teacher, student)))
        if (
            not finite
            or step <= self.rule.burn_in
            or labelled <= self.rule.min_labelled
        ):
            return None
        keep = 0.0 if self.rho is None else self.rule.smoothing
        self.rho = keep * (self.rho or 0.0) + (1 - keep) * teacher / labelled
        self.gap = keep * self.gap + (1 - keep) * (teacher - student)
        if self.rho > self.peak:
            self.peak, self.peak_step = self.rho, step
        if not self.collapsed and self.rho < self.rule.threshold * self.peak:
            self.collapsed = True
            return 'collapse'
        if self.collapsed and self.rho >= self.rule.recovery * self.peak:
            self.collapsed = False
            return 'recovery'
        return None

    def state_dict(self) -> dict[str, Any]:
        """What a resumed run needs."""
        state = asdict(self)
        state.pop('rule')
        return state

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a state."""
        for name, value in state.items():
            setattr(self, name, value)
