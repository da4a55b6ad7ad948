"""SMPL: rotations, skinning, and joints regressed from the mesh."""

import cv2
import numpy as np
import pytest

from mmpose_ext.geometry import (
    SMPL24,
    SmplModel,
    rotvec_to_rotmat,
    smpl_joints,
    smpl_rest_vertices,
    smpl_to_joints,
    smpl_vertices,
)

PARENTS = (-1, 0, 1, 1)
K, V, S = 4, 7, 3


def random_model(seed=0):
    """Four joints, seven vertices, everything mixed with everything."""
    rng = np.random.default_rng(seed)

    def shares(rows, columns):
        weights = rng.random((rows, columns))
        return weights / weights.sum(axis=1, keepdims=True)

    return SmplModel(
        template=rng.normal(size=(V, 3)),
        shape_basis=rng.normal(size=(V, 3, S)),
        pose_basis=rng.normal(size=(V, 3, 9 * (K - 1))),
        joint_regressor=shares(K, V),
        weights=shares(V, K),
        parents=PARENTS,
    )


def chain():
    """Two bones along x, a vertex at each joint and one at the tip; rigid."""
    template = np.array([[0.0, 0, 0], [1, 0, 0], [2, 0, 0]])
    return SmplModel(
        template=template,
        shape_basis=np.zeros((3, 3, 1)),
        pose_basis=np.zeros((3, 3, 9)),
        joint_regressor=np.eye(3)[:2],
        weights=np.array([[1.0, 0], [0, 1], [0, 1]]),
        parents=(-1, 0),
    )


def arguments(seed=1, frames=5):
    rng = np.random.default_rng(seed)
    return dict(
        pose=rng.normal(0, 0.8, (frames, 3 * K)),
        betas=rng.normal(size=S),
        translation=rng.normal(size=(frames, 3)),
    )


def naive_vertices(model, pose, betas, translation):
    """The definition, one matrix of 4 x 4 and one vertex at a time."""
    rest = model.template.copy()
    for s in range(S):
        rest += betas[s] * model.shape_basis[:, :, s]
    joints = model.joint_regressor @ rest
    frames = []
    for angles, shift in zip(pose.reshape(-1, K, 3), translation, strict=True):
        turns = [cv2.Rodrigues(angle)[0] for angle in angles]
        features = np.concatenate([(turn - np.eye(3)).ravel() for turn in turns[1:]])
        world = []
        for k in range(K):
            local = np.eye(4)
            local[:3, :3] = turns[k]
            parent = PARENTS[k]
            local[:3, 3] = joints[k] - (joints[parent] if parent >= 0 else 0)
            world.append(world[parent] @ local if parent >= 0 else local)
        moved = []
        for v in range(V):
            bent = rest[v] + model.pose_basis[v] @ features
            total = np.zeros(3)
            for k in range(K):
                bone = np.append(bent - joints[k], 1)
                total += model.weights[v, k] * (world[k] @ bone)[:3]
            moved.append(total + shift)
        frames.append(moved)
    return np.array(frames)


class TestRotations:
    def test_shapes(self):
        assert rotvec_to_rotmat(np.zeros((2, 5, 3))).shape == (2, 5, 3, 3)
        assert rotvec_to_rotmat(np.zeros(3)).shape == (3, 3)

    @pytest.mark.parametrize('scale', [1e-9, 1e-3, 1.0, 3.0, 10.0])
    def test_values(self, scale):
        rng = np.random.default_rng(0)
        vectors = scale * rng.normal(size=(20, 3))
        expected = [cv2.Rodrigues(vector)[0] for vector in vectors]
        np.testing.assert_allclose(rotvec_to_rotmat(vectors), expected, atol=1e-12)

    def test_identity_and_orthonormal(self):
        np.testing.assert_array_equal(rotvec_to_rotmat(np.zeros(3)), np.eye(3))
        turns = rotvec_to_rotmat(np.random.default_rng(1).normal(size=(50, 3)))
        np.testing.assert_allclose(
            turns @ turns.swapaxes(-1, -2), np.tile(np.eye(3), (50, 1, 1)), atol=1e-12
        )
        np.testing.assert_allclose(np.linalg.det(turns), 1)

    def test_quarter_turn(self):
        turn = rotvec_to_rotmat([0, 0, np.pi / 2])
        np.testing.assert_allclose(turn @ [1, 0, 0], [0, 1, 0], atol=1e-15)

    def test_invalid(self):
        with pytest.raises(ValueError, match=r'\(2, 4\)'):
            rotvec_to_rotmat(np.zeros((2, 4)))


def test_shapes():
    model, given = random_model(), arguments()
    assert smpl_vertices(model, **given).shape == (5, V, 3)
    assert smpl_joints(model, **given).shape == (5, K, 3)
    regressed = smpl_to_joints(model, np.ones((2, V)), **given)
    assert regressed.shape == (5, 2, 3)
    assert smpl_to_joints(model, np.ones((2, V)), **arguments(frames=0)).shape == (
        *(0, 2, 3),
    )


class TestValues:
    def test_zero_pose_is_template_plus_shape(self):
        model, given = random_model(), arguments()
        given['pose'][:] = 0
        expected = model.template + sum(
            beta * model.shape_basis[..., s] for s, beta in enumerate(given['betas'])
        )
        np.testing.assert_allclose(
            smpl_vertices(model, **given),
            expected + given['translation'][:, None],
            atol=1e-12,
        )

    def test_fewer_betas_are_zero(self):
        model = random_model()
        np.testing.assert_array_equal(
            smpl_rest_vertices(model, [0.5]), smpl_rest_vertices(model, [0.5, 0, 0])
        )
        np.testing.assert_array_equal(smpl_rest_vertices(model, []), model.template)

    def test_global_rotation_turns_about_the_root(self):
        model, given = random_model(), arguments()
        given['pose'][:, 3:] = 0
        rest = smpl_rest_vertices(model, given['betas'])
        root = model.joint_regressor[0] @ rest
        turned = smpl_vertices(model, **given)
        for frame, angles in enumerate(given['pose'][:, :3]):
            expected = (rest - root) @ cv2.Rodrigues(angles)[0].T + root
            np.testing.assert_allclose(
                turned[frame], expected + given['translation'][frame], atol=1e-12
            )
        np.testing.assert_allclose(
            smpl_joints(model, **given)[:, 0], root + given['translation'], atol=1e-12
        )

    def test_rigid_chain_by_hand(self):
        """A quarter turn of the elbow about z, then one of the shoulder about y."""
        quarter = np.pi / 2
        pose = np.zeros((2, 6))
        pose[:, 5] = quarter
        pose[1, 1] = quarter
        still = np.zeros((2, 3))
        expected = [
            [[0, 0, 0], [1, 0, 0], [1, 1, 0]],
            [[0, 0, 0], [0, 0, -1], [0, 1, -1]],
        ]
        vertices = smpl_vertices(chain(), pose, np.zeros(1), still)
        np.testing.assert_allclose(vertices, expected, atol=1e-12)
        joints = smpl_joints(chain(), pose, np.zeros(1), still)
        np.testing.assert_allclose(joints, np.array(expected)[:, :2], atol=1e-12)

    def test_pose_basis_takes_rotations_row_by_row(self):
        model = chain()
        model.pose_basis[2, 0, 1] = 1.0  # entry (0, 1) of the elbow moves the tip in x
        pose = np.zeros((1, 6))
        pose[0, 5] = np.pi / 2
        tip = smpl_vertices(model, pose, np.zeros(1), np.zeros((1, 3)))[0, 2]
        # The tip is at x = 2 - sin(90 degrees) = 1 before the elbow turns it.
        np.testing.assert_allclose(tip, [1, 0, 0], atol=1e-12)

    def test_equals_the_definition(self):
        model, given = random_model(), arguments()
        np.testing.assert_allclose(
            smpl_vertices(model, **given), naive_vertices(model, **given), atol=1e-12
        )

    @pytest.mark.parametrize('empty', [(), (1, 4)])
    def test_regressed_joints_equal_those_of_the_vertices(self, empty):
        model, given = random_model(), arguments()
        regressor = np.random.default_rng(2).normal(size=(6, V))
        regressor[:, list(empty)] = 0
        np.testing.assert_allclose(
            smpl_to_joints(model, regressor, **given),
            regressor @ smpl_vertices(model, **given),
            atol=1e-12,
        )


def test_smpl24():
    names = SMPL24.joint_names
    assert len(set(names)) == len(SMPL24.parents) == 24
    for left, right in SMPL24.flip_pairs:
        assert names[left].replace('left', 'right') == names[right]
        assert SMPL24.flip_indices[SMPL24.parents[left]] == SMPL24.parents[right]
    assert sum(name.startswith('left') for name in names) == len(SMPL24.flip_pairs)


class TestInvalid:
    def test_model(self):
        good = vars(random_model())
        for name, value, message in (
            ('weights', np.ones((V, K - 1)), r'weights has shape \(7, 3\)'),
            ('pose_basis', np.ones((V, 3, 9)), r'expected \(7, 3, 27\)'),
            ('joint_regressor', np.ones((K, V + 1)), 'joint_regressor has shape'),
            ('parents', (-1, 2, 0, 1), 'parent of joint 0 must be -1'),
            ('parents', (0, 0, 1, 1), 'parent of joint 0 must be -1'),
        ):
            with pytest.raises(ValueError, match=message):
                SmplModel(**{**good, name: value})

    @pytest.mark.parametrize(
        ('name', 'value', 'message'),
        [
            (
                'pose',
                np.zeros((5, 72)),
                r'pose has shape \(5, 72\), expected \(F, 12\)',
            ),
            ('betas', np.zeros(S + 1), r'at most \(3,\)'),
            ('betas', np.zeros((1, S)), r'betas have shape \(1, 3\)'),
            ('translation', np.zeros((4, 3)), r'expected \(5, 3\)'),
        ],
    )
    def test_arguments(self, name, value, message):
        model, given = random_model(), {**arguments(), name: value}
        with pytest.raises(ValueError, match=message):
            smpl_vertices(model, **given)
        with pytest.raises(ValueError, match=message):
            smpl_to_joints(model, np.ones((2, V)), **given)

    def test_regressor(self):
        with pytest.raises(ValueError, match=r'regressor has shape \(2, 3\)'):
            smpl_to_joints(random_model(), np.ones((2, 3)), **arguments())
