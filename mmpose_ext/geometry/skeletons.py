"""Joint sets: names, tree, sides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

RGB = tuple[int, int, int]


@dataclass(frozen=True)
class Skeleton:
    """A joint set.

    Args:
        name: Name as it stands in the header of a FrameStore.
        joint_names: One name a joint, in order.
        parents: Index of each joint's parent, -1 for the root.
        flip_pairs: Pairs of joints that swap when the image is mirrored, left first.
        colours: RGB of the joints of each side: ``left``, ``right``, ``centre``.
    """

    name: str
    joint_names: tuple[str, ...]
    parents: tuple[int, ...]
    flip_pairs: tuple[tuple[int, int], ...]
    colours: dict[str, RGB] = field(
        default_factory=lambda: {
            'left': (0, 158, 115),
            'right': (213, 94, 0),
            'centre': (0, 114, 178),
        },
        hash=False,
    )

    @property
    def num_joints(self) -> int:
        """Number of joints."""
        return len(self.joint_names)

    @property
    def root(self) -> int:
        """Index of the root joint."""
        return self.parents.index(-1)

    @property
    def edges(self) -> tuple[tuple[int, int], ...]:
        """Bones as ``(parent, child)``."""
        return tuple((p, j) for j, p in enumerate(self.parents) if p >= 0)

    @property
    def flip_indices(self) -> tuple[int, ...]:
        """For each joint the one that takes its place in the mirrored pose."""
        indices = list(range(self.num_joints))
        for left, right in self.flip_pairs:
            indices[left], indices[right] = right, left
        return tuple(indices)

    @property
    def sides(self) -> tuple[str, ...]:
        """``'left'``, ``'right'`` or ``'centre'`` for each joint."""
        left = {pair[0] for pair in self.flip_pairs}
        right = {pair[1] for pair in self.flip_pairs}
        return tuple(
            'left' if j in left else 'right' if j in right else 'centre'
            for j in range(self.num_joints)
        )

    @property
    def joint_colours(self) -> tuple[RGB, ...]:
        """RGB of each joint (and of the bone that leads to it)."""
        return tuple(self.colours[side] for side in self.sides)


H36M17 = Skeleton(
    name='h36m17',
    joint_names=(
        'root',
        'right_hip',
        'right_knee',
        'right_foot',
        'left_hip',
        'left_knee',
        'left_foot',
        'spine',
        'thorax',
        'neck_base',
        'head',
        'left_shoulder',
        'left_elbow',
        'left_wrist',
        'right_shoulder',
        'right_elbow',
        'right_wrist',
    ),
    parents=(-1, 0, 1, 2, 0, 4, 5, 0, 7, 8, 9, 8, 11, 12, 8, 14, 15),
    flip_pairs=((4, 1), (5, 2), (6, 3), (11, 14), (12, 15), (13, 16)),
)
"""The 17 joints of Human3.6M in the order and with the names of MMPose.

``neck_base`` is the joint that other code calls nose or neck, ``head`` the top of the
head, ``right_foot`` and ``left_foot`` are ankles.
"""

FLIP_INDICES: tuple[int, ...] = H36M17.flip_indices

H36M32_TO_H36M17: tuple[int, ...] = (
    *(0, 1, 2, 3, 6, 7, 8, 12, 13, 14, 15, 17, 18, 19, 25, 26, 27),
)
"""Rows of Human3.6M's 32 recorded joints that make up the 17 (the choice of
VideoPose3D: static joints, toes, fingers and doubled joints are left out)."""

MPI_INF_3DHP17 = Skeleton(
    name='mpi_inf_3dhp17',
    joint_names=(
        'head_top',
        'neck',
        'right_shoulder',
        'right_elbow',
        'right_wrist',
        'left_shoulder',
        'left_elbow',
        'left_wrist',
        'right_hip',
        'right_knee',
        'right_ankle',
        'left_hip',
        'left_knee',
        'left_ankle',
        'pelvis',
        'spine',
        'head',
    ),
    parents=(16, 15, 1, 2, 3, 1, 5, 6, 14, 8, 9, 14, 11, 12, -1, 14, 1),
    flip_pairs=((5, 2), (6, 3), (7, 4), (11, 8), (12, 9), (13, 10)),
)
"""The 17 joints of the test set of MPI-INF-3DHP, in its order and with its names."""

MPI_INF_3DHP28_NAMES: tuple[str, ...] = (
    *('spine3', 'spine4', 'spine2', 'spine', 'pelvis', 'neck', 'head', 'head_top'),
    *('left_clavicle', 'left_shoulder', 'left_elbow', 'left_wrist', 'left_hand'),
    *('right_clavicle', 'right_shoulder', 'right_elbow', 'right_wrist', 'right_hand'),
    *('left_hip', 'left_knee', 'left_ankle', 'left_foot', 'left_toe'),
    *('right_hip', 'right_knee', 'right_ankle', 'right_foot', 'right_toe'),
)
"""The 28 joints of its training set."""

MPI_INF_3DHP_PCK_JOINTS: tuple[str, ...] = (
    *('head', 'thorax'),
    *('right_shoulder', 'right_elbow', 'right_wrist'),
    *('left_shoulder', 'left_elbow', 'left_wrist'),
    *('right_hip', 'right_knee', 'right_foot'),
    *('left_hip', 'left_knee', 'left_foot'),
)
"""The 14 joints over which MPI-INF-3DHP takes PCK and AUC, by Human3.6M-17 name: head
top, neck, shoulders, elbows, wrists, hips, knees, ankles; without pelvis, spine, head.
"""

_ALIASES: dict[str, str] = {
    'pelvis': 'root',
    'hip': 'root',
    'right_ankle': 'right_foot',
    'left_ankle': 'left_foot',
    'torso': 'spine',
    'neck': 'thorax',
    'nose': 'neck_base',
    'head_top': 'head',
}


def joint_order(names: Sequence[str], skeleton: Skeleton = H36M17) -> tuple[int, ...]:
    """Columns of a source that give the joints of ``skeleton`` in its order.

    ``poses[..., joint_order(names), :]`` are poses of ``skeleton``. Case, spaces and
    hyphens do not matter, and the usual second names (``pelvis``, ``right_ankle``,
    ``nose``, ``head_top``, ...) are understood.

    Args:
        names: Joint names of the source, in its order.
        skeleton: The wanted joint set.

    Returns:
        One index into ``names`` for each joint of ``skeleton``.

    Raises:
        ValueError: If a joint is missing or named twice.
    """
    found: dict[str, int] = {}
    for index, name in enumerate(names):
        key = _known_name(name, skeleton)
        if key in found:
            raise ValueError(
                f'joint {key!r} occurs twice, as {names[found[key]]!r} and {name!r}'
            )
        found[key] = index
    missing = [name for name in skeleton.joint_names if name not in found]
    if missing:
        raise ValueError(
            f'the joints {missing} of {skeleton.name} are not among {list(names)}'
        )
    return tuple(found[name] for name in skeleton.joint_names)


def joint_index(name: str, skeleton: Skeleton = H36M17) -> int:
    """Index of a joint by one of the names that :func:`joint_order` understands.

    Raises:
        ValueError: If the joint set has no such joint.
    """
    key = _known_name(name, skeleton)
    if key not in skeleton.joint_names:
        raise ValueError(
            f'{skeleton.name} has no joint {name!r}; it has '
            f'{", ".join(skeleton.joint_names)}'
        )
    return skeleton.joint_names.index(key)


def joint_indices(
    joints: Sequence[str | int], skeleton: Skeleton = H36M17
) -> tuple[int, ...]:
    """Indices of joints that are given by name, as in :func:`joint_index`, or number.

    Numbers stay as they are; whether there are so many joints is for the caller to say.

    Raises:
        ValueError: If the joint set has no joint of a name.
    """
    return tuple(joint_index(j, skeleton) if isinstance(j, str) else j for j in joints)


def _known_name(name: str, skeleton: Skeleton) -> str:
    key = name.strip().lower().replace(' ', '_').replace('-', '_')
    return key if key in skeleton.joint_names else _ALIASES.get(key, key)


MPI_INF_3DHP28_TO_17: tuple[int, ...] = joint_order(
    MPI_INF_3DHP28_NAMES, MPI_INF_3DHP17
)
"""Rows of the 28 joints of MPI-INF-3DHP that make up its 17."""

MPI_INF_3DHP17_TO_H36M17: tuple[int, ...] = joint_order(
    ['neck_base' if name == 'head' else name for name in MPI_INF_3DHP17.joint_names]
)
"""Rows of MPI-INF-3DHP's 17 joints in Human3.6M's order. Its ``head``, the middle of
the head, takes the place of ``neck_base``, its ``head_top`` that of ``head``."""
