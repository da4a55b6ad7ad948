"""Joint sets: a tree, its sides, and maps onto it."""

import numpy as np
import pytest

from mmpose_ext.geometry import (
    FLIP_INDICES,
    H36M17,
    H36M32_TO_H36M17,
    MPI_INF_3DHP17,
    MPI_INF_3DHP17_TO_H36M17,
    MPI_INF_3DHP28_TO_17,
    MPI_INF_3DHP_PCK_JOINTS,
    joint_index,
    joint_order,
)
from mmpose_ext.geometry.skeletons import joint_indices


def test_shapes():
    assert H36M17.num_joints == 17
    assert len(H36M17.edges) == 16
    assert len(H36M17.flip_indices) == len(H36M17.sides) == 17
    assert len(H36M17.joint_colours) == 17
    assert len(set(H36M32_TO_H36M17)) == 17


def test_the_tree_has_one_root_and_reaches_every_joint():
    assert H36M17.root == 0
    reached = {0}
    for parent, child in H36M17.edges:
        assert parent in reached
        reached.add(child)
    assert reached == set(range(17))


def test_values():
    # The order of Human3.6M-17: legs, spine, left arm, right arm.
    assert H36M17.joint_names[3] == 'right_foot'
    assert H36M17.joint_names[8:11] == ('thorax', 'neck_base', 'head')
    assert FLIP_INDICES == (0, 4, 5, 6, 1, 2, 3, 7, 8, 9, 10, 14, 15, 16, 11, 12, 13)


def test_flipping_twice_is_nothing_and_swaps_names():
    flip = np.array(FLIP_INDICES)
    assert np.array_equal(flip[flip], np.arange(17))
    for joint, other in enumerate(FLIP_INDICES):
        name = H36M17.joint_names[joint]
        swapped = name.replace('left', '#').replace('right', 'left')
        assert H36M17.joint_names[other] == swapped.replace('#', 'right')
        assert H36M17.sides[joint] == (
            name.split('_')[0] if joint != other else 'centre'
        )
    # The tree is symmetric too.
    flipped = {(FLIP_INDICES[p], FLIP_INDICES[c]) for p, c in H36M17.edges}
    assert flipped == set(H36M17.edges)


def test_colours_tell_the_sides_apart():
    assert len({H36M17.colours[side] for side in ('left', 'right', 'centre')}) == 3


class TestJointOrder:
    def test_same_order(self):
        assert joint_order(H36M17.joint_names) == tuple(range(17))

    def test_other_order_names_and_extra_joints(self):
        names = ['toe', *reversed(H36M17.joint_names)]
        names[names.index('root')] = 'Pelvis'
        names[names.index('left_foot')] = 'Left Ankle'
        order = joint_order(names)
        assert order == tuple(range(17, 0, -1))

    def test_invalid(self):
        with pytest.raises(ValueError, match="'head'"):
            joint_order([n for n in H36M17.joint_names if n != 'head'])
        with pytest.raises(ValueError, match='twice'):
            joint_order([*H36M17.joint_names, 'pelvis'])


def test_joint_index():
    assert joint_index('right_foot') == joint_index('Right Ankle') == 3
    assert joint_index('neck') == 8 and joint_index('head') == 10
    with pytest.raises(ValueError, match="no joint 'tail'; it has root, right_hip"):
        joint_index('tail')


def test_joint_indices():
    assert joint_indices(['root', 12, 'Neck', 'head_top']) == (0, 12, 8, 10)
    assert joint_indices(range(17)) == tuple(range(17))
    assert joint_indices(['neck', 'head'], MPI_INF_3DHP17) == (1, 16)
    with pytest.raises(ValueError, match="no joint 'tail'"):
        joint_indices([0, 'tail'])


class TestMpiInf3dhp:
    def test_maps_made_by_name_are_the_published_ones(self):
        assert MPI_INF_3DHP28_TO_17 == (
            *(7, 5, 14, 15, 16, 9, 10, 11, 23, 24, 25, 18, 19, 20, 4, 3, 6),
        )
        assert MPI_INF_3DHP17_TO_H36M17 == (
            *(14, 8, 9, 10, 11, 12, 13, 15, 1, 16, 0, 5, 6, 7, 2, 3, 4),
        )
        inverse = np.argsort(MPI_INF_3DHP17_TO_H36M17)
        assert inverse.tolist() == [
            *(10, 8, 14, 15, 16, 11, 12, 13, 1, 2, 3, 4, 5, 6, 0, 7, 9)
        ]

    def test_values(self):
        assert MPI_INF_3DHP17.root == 14
        assert set(map(frozenset, MPI_INF_3DHP17.flip_pairs)) == {
            *map(frozenset, [(2, 5), (3, 6), (4, 7), (8, 11), (9, 12), (10, 13)])
        }
        assert len(MPI_INF_3DHP17.edges) == 16

    def test_the_map_keeps_sides_and_bones(self):
        """Flipping and mapping commute, and limbs stay limbs."""
        order = np.array(MPI_INF_3DHP17_TO_H36M17)
        mapped = np.array(MPI_INF_3DHP17.flip_indices)[order]
        np.testing.assert_array_equal(mapped, order[list(FLIP_INDICES)])
        bones = set(MPI_INF_3DHP17.edges)
        limbs = [(p, c) for p, c in H36M17.edges if H36M17.sides[c] != 'centre']
        assert all((order[p], order[c]) in bones for p, c in limbs)

    def test_joints_of_pck(self):
        joints = joint_indices(MPI_INF_3DHP_PCK_JOINTS)
        left_out = sorted(set(range(17)) - set(joints))
        assert len(joints) == len(set(joints)) == 14
        assert [H36M17.joint_names[j] for j in left_out] == [
            *('root', 'spine', 'neck_base')
        ]
