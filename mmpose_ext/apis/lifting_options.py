"""How people's tracks are cut into windows, framed and lifted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal

PersonHeight = float | Literal['auto'] | None


@dataclass(frozen=True)
class LiftingOptions:
    """Options of lifting; what they mean says ``KeypointLifter.lift_tracks``.

    Args:
        model_fps: Frames a second at which the network lifts.
        stride: Frames between the starts of two windows.
        batch_size: Windows of a batch.
        person_height: Size of people as a share of the image width, above 0 and at
            most 1, ``'auto'`` or ``None``.

    Raises:
        ValueError: If an option is out of range.
    """

    model_fps: float | None = None
    stride: int | None = None
    batch_size: int = 64
    person_height: PersonHeight = 'auto'

    def __post_init__(self) -> None:
        if self.model_fps is not None and not 0 < self.model_fps < float('inf'):
            raise ValueError(
                f'model_fps={self.model_fps}; expected frames a second, more than 0, '
                'or None for the rate of the clip'
            )
        if self.batch_size < 1:
            raise ValueError(f'batch_size={self.batch_size}; expected 1 window or more')
        height = self.person_height
        is_share = isinstance(height, int | float) and 0 < height <= 1
        if not (height is None or height == 'auto' or is_share):
            raise ValueError(
                f'person_height={height!r}; expected a share of the image width, above '
                "0 and at most 1, 'auto', or None to keep the framing of the clip"
            )

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> LiftingOptions:
        """Options by name.

        Raises:
            ValueError: If there is no such option, or one is out of range.
        """
        names = [field.name for field in fields(cls)]
        unknown = sorted(set(options) - set(names))
        if unknown:
            raise ValueError(
                f'{", ".join(map(repr, unknown))} is no option of lifting; expected '
                f'some of {", ".join(names)}'
            )
        return cls(**options)

    def check_stride(self, seq_len: int) -> None:
        """Whether windows of ``seq_len`` frames leave no frame out.

        Raises:
            ValueError: If they do.
        """
        if self.stride is not None and not 1 <= self.stride <= seq_len:
            raise ValueError(
                f'stride={self.stride}; expected 1 to {seq_len}, the frames of a window'
            )
