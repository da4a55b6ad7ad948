from mmpose_ext.geometry import H36M17
from mmpose_ext.visualization.person_colours import (
    PERSON_COLOURS,
    limb_colours,
    person_colour,
)


def test_values():
    assert len(set(PERSON_COLOURS)) == 8
    assert person_colour(8) == person_colour(0)
    colours = limb_colours(1)
    assert len(colours) == 17
    for left, right in H36M17.flip_pairs:
        assert colours[left] == person_colour(1)
        assert sum(colours[right]) < sum(colours[left])
