"""Entries of files in COCO's formats: what is read of them, and what is wrong."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

_NUMBER = (int, float)
_ID = (int, str)
_NAMES: dict[Any, str] = {
    int: 'a whole number',
    str: 'a text',
    _NUMBER: 'a number',
    _ID: 'a number or a text',
}
IMAGE: dict[str, Any] = dict(id=_ID, file_name=str)
SIZE: dict[str, Any] = dict(width=_NUMBER, height=_NUMBER)
CATEGORY: dict[str, Any] = dict(id=int, name=str)
ANNOTATION: dict[str, Any] = dict(image_id=_ID, id=_ID)
DETECTION: dict[str, Any] = dict(image_id=_ID, category_id=int, score=_NUMBER)


def check_entry(
    entry: Any,
    where: str,
    fields: Mapping[str, Any],
    optional: Mapping[str, Any] | None = None,
) -> None:
    """Refuse an entry of a file of COCO that lacks what is read of it.

    Args:
        entry: Any content of a JSON file.
        where: File and place, for messages.
        fields: Names and their types.
        optional: Those of fields that may be missing.

    Raises:
        ValueError: If it is no dict, or a field is missing or of another type.
    """
    if not isinstance(entry, Mapping):
        raise ValueError(
            f'{where} is {entry!r:.80}; expected a dict with {", ".join(fields)}'
        )
    missing = [name for name in fields if name not in entry]
    if missing:
        raise ValueError(f'{where} has no {", ".join(missing)}')
    for name, kind in (*fields.items(), *(optional or {}).items()):
        if name not in entry:
            continue
        if not isinstance(entry[name], kind):
            raise ValueError(
                f'{where} has {name}={entry[name]!r:.80}; expected {_NAMES[kind]}'
            )


def box_of(entry: Mapping[str, Any], where: str) -> list[float]:
    """The first four numbers of ``bbox``.

    Raises:
        ValueError: If there are fewer, or they are no numbers.
    """
    box = entry.get('bbox')
    numbers = box[:4] if isinstance(box, list) else []
    known = all(isinstance(x, int | float) and math.isfinite(x) for x in numbers)
    if len(numbers) != 4 or not known:
        raise ValueError(
            f'{where} has bbox={box!r:.80}; expected [x, y, width, height] in pixels'
        )
    return numbers
