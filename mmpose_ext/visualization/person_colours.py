"""One colour a person, the same in every picture and page."""

from __future__ import annotations

from mmpose_ext.geometry import H36M17, Skeleton
from mmpose_ext.geometry.skeletons import RGB

PERSON_COLOURS: tuple[RGB, ...] = (
    *((0, 114, 178), (213, 94, 0), (0, 158, 115), (204, 121, 167)),
    *((230, 159, 0), (86, 180, 233), (128, 84, 160), (110, 110, 110)),
)
"""RGB, told apart by people who are colour-blind; after eight people they repeat."""

_DARKER = {'left': 1.0, 'centre': 0.85, 'right': 0.62}


def person_colour(track_id: int) -> RGB:
    """RGB of a person."""
    return PERSON_COLOURS[track_id % len(PERSON_COLOURS)]


def limb_colours(track_id: int, skeleton: Skeleton = H36M17) -> tuple[RGB, ...]:
    """RGB of each joint of a person and the bone to it; the right side is darker."""
    red, green, blue = person_colour(track_id)
    shares = (_DARKER[side] for side in skeleton.sides)
    return tuple((int(red * s), int(green * s), int(blue * s)) for s in shares)
