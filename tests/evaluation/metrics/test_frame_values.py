"""Numbers of frames, against loops over joints."""

import math

import numpy as np
import pytest
import torch

from mmpose_ext.evaluation.functional import mpjpe, n_mpjpe, p_mpjpe
from mmpose_ext.evaluation.metrics.frame_values import (
    by_joint_set,
    frame_values,
    mean_of_joints,
)
from mmpose_ext.evaluation.metrics.metric_table import METRIC_UNITS

NAMES = tuple(METRIC_UNITS)


def poses(count, seed):
    rng = np.random.default_rng(seed)
    pose = rng.normal(0, 0.4, (count, 17, 3))
    return torch.from_numpy(pose - pose[:, :1])


def masks(count, seed=9):
    return torch.from_numpy(np.random.default_rng(seed).random((count, 17)) < 0.7)


def score(pred, truth, seen=None, wanted=NAMES, **options):
    count = len(pred)
    seen = torch.ones(count, 17, dtype=torch.bool) if seen is None else seen
    follows = torch.arange(count) > 0
    return frame_values(pred, truth, seen, wanted, follows=follows, **options)


def test_shapes():
    values = score(poses(6, 0), poses(6, 1))
    assert set(values) == set(NAMES)
    assert {value.shape for value in values.values()} == {(6,)}
    assert set(score(poses(6, 0), poses(6, 1), wanted=['MPJPE'])) == {'MPJPE'}


def test_values_of_pck_and_auc_equal_a_loop_over_joints():
    """The protocol of MPI-INF-3DHP, threshold by threshold and joint by joint."""
    truth = poses(20, 0)
    pred = truth + 0.2 * poses(20, 1)
    seen = masks(20)
    joints = [1, 2, 3, 4, 5, 6, 8, 10, 11, 12, 13, 14, 15, 16]
    values = score(pred, truth, seen, pck_joints=joints)
    for frame in range(20):
        distances = [
            1000 * math.dist(pred[frame, j], truth[frame, j])
            for j in joints
            if seen[frame, j]
        ]
        right = sum(d < 150 for d in distances) / len(distances)
        curve = [
            sum(d < limit for d in distances) / len(distances)
            for limit in range(0, 151, 5)
        ]
        assert len(curve) == 31
        assert float(values['PCK@150'][frame]) == pytest.approx(100 * right)
        assert float(values['AUC'][frame]) == pytest.approx(100 * np.mean(curve))


def test_a_perfect_prediction():
    values = score(poses(3, 0), poses(3, 0), masks(3), pck_joints=[1, 2, 3])
    assert (values['PCK@150'] == 100).all()
    assert values['AUC'].tolist() == pytest.approx([3000 / 31] * 3)
    assert not values['MPJPE'].any()


@pytest.mark.parametrize(
    ('name', 'function'), [('MPJPE', mpjpe), ('P-MPJPE', p_mpjpe), ('N-MPJPE', n_mpjpe)]
)
def test_unseen_and_left_out_joints_are_as_if_they_did_not_exist(name, function):
    pred, truth, seen = poses(12, 0), poses(12, 1), masks(12)
    joints = [1, 4, 8, 9, 13, 16]
    values = score(pred, truth, seen, joints=joints)[name]
    for frame in range(12):
        kept = [j for j in joints if seen[frame, j]]
        expected = function(pred[frame, kept], truth[frame, kept]) * 1000
        assert float(values[frame]) == pytest.approx(float(expected), abs=1e-9)


def test_velocity_needs_the_joint_in_both_frames():
    truth = poses(1, 0).repeat(3, 1, 1)
    pred = truth.clone()
    pred[1, 2] += torch.tensor([0.01, 0, 0])
    seen = torch.ones(3, 17, dtype=torch.bool)
    everything = score(pred, truth, seen)['MPJVE']
    assert everything[1:].tolist() == pytest.approx([10 / 17] * 2)
    assert everything[0].isnan()
    seen[0, 2] = False
    assert score(pred, truth, seen)['MPJVE'][1:].tolist() == pytest.approx([0, 10 / 17])


def test_joints_are_those_of_pck_too_unless_told_otherwise():
    truth = poses(2, 0)
    pred = truth.clone()
    pred[:, 3, 0] += 1
    assert (score(pred, truth, joints=[3, 4])['PCK@150'] == 50).all()
    other = score(pred, truth, joints=[3, 4], pck_joints=[4])
    assert (other['PCK@150'] == 100).all()
    assert other['MPJPE'].tolist() == pytest.approx([500, 500])


def test_frames_without_a_joint_have_no_number():
    seen = torch.ones(2, 17, dtype=torch.bool)
    seen[1] = False
    values = score(poses(2, 0), poses(2, 1), seen)
    assert all(value[1].isnan() for value in values.values())
    assert not values['P-MPJPE'][0].isnan()


def test_helpers():
    counted = torch.tensor([[True, False], [True, True]])
    values = torch.tensor([[1.0, 5.0], [1.0, 5.0]])
    assert mean_of_joints(values, counted).tolist() == [1, 3]
    calls = []

    def size(pred, truth):
        calls.append(len(pred))
        return torch.full((len(pred),), float(pred.shape[1]))

    pose = torch.zeros(3, 2, 3)
    sets = torch.tensor([[True, False], [True, True], [True, False]])
    assert by_joint_set(size, pose, pose, sets).tolist() == [1, 2, 1]
    assert sorted(calls) == [1, 2], 'once for each set'
