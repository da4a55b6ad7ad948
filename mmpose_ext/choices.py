"""Options that are one of a few values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def check_choice(name: str, value: Any, known: Sequence[Any]) -> None:
    """Refuse what an option cannot be.

    Args:
        name: Of the option.
        value: What it was given.
        known: What it may be.

    Raises:
        ValueError: If the value is not among these.
    """
    if value not in known:
        raise ValueError(f'{name} must be one of {tuple(known)}, got {value!r}')
