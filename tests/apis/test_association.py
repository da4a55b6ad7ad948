import numpy as np
import pytest

from mmpose_ext.apis.association import (
    OKS_SIGMAS,
    assign,
    box_area,
    box_iou,
    joint_confidence,
    keypoint_similarity,
)

BOXES = np.array([[0, 0, 10, 20], [5, 0, 15, 20], [30, 30, 40, 40]], np.float32)


def test_box_iou():
    expected = [[1, 1 / 3, 0], [1 / 3, 1, 0], [0, 0, 1]]
    np.testing.assert_allclose(box_iou(BOXES, BOXES), expected, rtol=1e-6)
    assert box_iou(BOXES[:0], BOXES).shape == (0, 3)
    assert box_area(BOXES).tolist() == [200, 200, 100]
    inverted = np.array([[10, 20, 0, 0]])
    assert box_area(inverted) == 0 and (box_iou(inverted, BOXES) == 0).all()


def test_keypoint_similarity():
    points = np.random.default_rng(0).uniform(0, 100, (2, 17, 2))
    ones = np.ones((2, 17))
    areas = np.array([5000.0, 5000.0])
    same = keypoint_similarity(points, points, areas, ones, ones)
    np.testing.assert_allclose(np.diag(same), 1)
    assert same[0, 1] < 0.3
    # A shift by the standard deviation of one joint gives that joint exp(-1/2).
    shift = 2 * OKS_SIGMAS[0] * np.sqrt(0.53 * 5000)
    moved = points.copy()
    moved[0, 0, 0] += shift
    alike = keypoint_similarity(points[:1], moved[:1], areas[:1], ones[:1], ones[:1])
    assert alike[0, 0] == pytest.approx((16 + np.exp(-0.5)) / 17)
    doubtful = ones[:1].copy()
    doubtful[0, 0] = 0
    alike = keypoint_similarity(points[:1], moved[:1], areas[:1], doubtful, ones[:1])
    assert alike[0, 0] == pytest.approx(1), 'a joint without a score does not count'
    alike = keypoint_similarity(points, points, areas, 0 * ones, ones)
    assert (alike == 0).all()


def test_assign():
    """The sum is greatest, though the best pair is not taken."""
    rows, columns = assign(np.array([[0.9, 0.8], [0.85, 0.1]]), 0.0)
    assert dict(zip(rows, columns, strict=True)) == {0: 1, 1: 0}
    rows, columns = assign(np.array([[0.9, -np.inf], [-np.inf, 0.2]]), 0.3)
    assert rows.tolist() == [0] and columns.tolist() == [0]
    rows, columns = assign(np.zeros((0, 3)), 0.3)
    assert len(rows) == len(columns) == 0
    rows, _ = assign(np.array([[np.nan]]), 0.1)
    assert not len(rows)


def test_joint_confidence():
    sure, unsure = np.full((1, 17), 0.81), np.full((2, 17), 0.04)
    np.testing.assert_allclose(joint_confidence(sure, sure), [[0.81]])
    np.testing.assert_allclose(joint_confidence(sure, unsure), [[0.18, 0.18]])
    half = np.where(np.arange(17) < 8, 1.0, 0.0)[None]
    np.testing.assert_allclose(joint_confidence(half, half), [[np.sqrt(8 / 17)]])
