"""How people are followed from frame to frame."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TrackingOptions:
    """Numbers by which people are followed.

    Args:
        birth_score: Least score of a box that starts a person.
        least_affinity: Least affinity, 0 to 1, of a person and a detection.
        max_age: Seconds that a person is expected without being detected.
        memory: Seconds after which place and pose of a person who is not detected
            count a third of what they count at once; colours always count alike. After
            as long a gap, a person goes on with a new tracklet.
        max_speed: Of people, in their own heights a second; limits how far from the
            expected place one is looked for.
        touching: Overlap (IoU) of two people from which their colours are not learned.
        parted: Overlap below which two who touched have parted. From there on they are
            new tracklets, so that joining can undo a mistake that was made between.
        duplicate: Keypoint similarity (OKS) from which a second detection of a person
            is left out.
        position_gain: Share of a box's deviation from the expected one that is taken
            over, 0 to 1.
        velocity_gain: The same for the velocity.
        colour_gain: Weight of a new frame in the running mean of colours.

    Raises:
        ValueError: If an option is out of range.
    """

    birth_score: float = 0.5
    least_affinity: float = 0.3
    max_age: float = 1.0
    memory: float = 0.5
    max_speed: float = 1.5
    touching: float = 0.3
    parted: float = 0.1
    duplicate: float = 0.7
    position_gain: float = 0.8
    velocity_gain: float = 0.3
    colour_gain: float = 0.1

    def __post_init__(self) -> None:
        positive = ('max_age', 'memory', 'max_speed')
        for name in self.__dataclass_fields__:
            value = getattr(self, name)
            if name in positive and not value > 0:
                raise ValueError(f'{name}={value}; expected a number above 0')
            if name not in positive and not 0 <= value <= 1:
                raise ValueError(f'{name}={value}; expected a number from 0 to 1')
        if self.parted > self.touching:
            raise ValueError(
                f'parted={self.parted} is above touching={self.touching}; two people '
                'part when they overlap less than when they touch'
            )
