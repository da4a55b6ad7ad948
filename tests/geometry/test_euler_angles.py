import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from mmpose_ext.geometry.euler_angles import (
    ORDERS,
    continuous_euler,
    euler_to_rotmat,
)


@pytest.mark.parametrize('order', ORDERS)
def test_values(order):
    angles = np.random.default_rng(0).uniform(-89, 89, (20, 3))
    rotation = euler_to_rotmat(angles, order)
    expected = Rotation.from_euler(order, angles, degrees=True).as_matrix()
    np.testing.assert_allclose(rotation, expected, atol=1e-12)
    # One rotation after another, each beginning at zero, so the smallest angles.
    for one, given in zip(rotation, angles, strict=True):
        found = continuous_euler(one[None, None], [order])[0, 0]
        again = euler_to_rotmat(found, order)
        np.testing.assert_allclose(again, one, atol=1e-12)
        assert np.abs(found).sum() <= np.abs(given).sum() + 1e-9


@pytest.mark.parametrize('order', ORDERS)
def test_continuous_over_many_turns(order):
    turn = np.linspace(0, 1000, 400)
    angles = np.stack([turn, 70 * np.sin(turn / 60), -0.7 * turn], axis=-1)
    rotations = euler_to_rotmat(angles, order)[:, None]
    found = continuous_euler(rotations, [order])[:, 0]
    np.testing.assert_allclose(found, angles, atol=1e-8)


@pytest.mark.parametrize('order', ORDERS)
def test_middle_angle_beyond_ninety(order):
    middle = np.linspace(0, 170, 171)  # exactly 90 too, where the others are locked
    angles = np.stack([np.full(171, 20.0), middle, np.full(171, -10.0)], axis=-1)
    for sign in (1, -1):
        wanted = angles * [1, sign, 1]
        # Rounded, so that nothing is left of the cosine of 90 degrees.
        rotations = np.round(euler_to_rotmat(wanted, order)[:, None], 12)
        found = continuous_euler(rotations, [order])[:, 0]
        np.testing.assert_allclose(found, wanted, atol=1e-6)


def test_continues_from_frame_before():
    angles = np.array([[[10.0, 20, 30], [5, 0, 0]]])
    orders = ['ZXY', 'XYZ']
    rotations = np.stack(
        [euler_to_rotmat(angles[:, i], order) for i, order in enumerate(orders)], axis=1
    )
    previous = np.array([[370.0, 20, 30], [0, 0, -359]])
    found = continuous_euler(rotations, orders, previous)
    np.testing.assert_allclose(found, [[[370, 20, 30], [5, 0, -360]]], atol=1e-9)
    assert continuous_euler(rotations[:0], orders).shape == (0, 2, 3)


def test_invalid():
    with pytest.raises(ValueError, match='unknown order of axes'):
        continuous_euler(np.zeros((1, 1, 3, 3)), ['XZY'])
    with pytest.raises(ValueError, match='one row for each order'):
        continuous_euler(np.zeros((1, 1, 3, 3)), ['ZXY', 'ZXY'])
