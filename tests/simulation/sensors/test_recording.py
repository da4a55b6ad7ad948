"""Recorded sequences against what is known of MM-Fi's."""

import numpy as np
import pytest

from mmpose_ext.simulation.body import Body
from mmpose_ext.simulation.motions.mmfi_actions import animate_mmfi
from mmpose_ext.simulation.sensors.recording import (
    Subject,
    camera_of,
    link_of,
    record,
)

SLOW = ('A01', 'A07', 'A08', 'A13', 'A17', 'A18')
"""The actions of which MM-Fi's radar saw least: 42 to 74 per cent of the frames."""
FAST = ('A02', 'A03', 'A06', 'A21', 'A22', 'A26')
"""Those of which it saw most: 97 to 100 per cent."""


@pytest.fixture(scope='module')
def homes(act):
    """Two people of each room, standing and waving."""
    return {
        (room, person): act(person, 'A17', room, frames=4)
        for index, room in enumerate(('E01', 'E02', 'E03', 'E04'))
        for person in (10 + 2 * index, 11 + 2 * index)
    }


def filled(amplitude):
    """Lost entries replaced by the median of the frame's other packets."""
    finite = np.where(np.isfinite(amplitude), amplitude, np.nan)
    return np.where(
        np.isnan(finite), np.nanmedian(finite, axis=-1, keepdims=True), finite
    )


def shape_of(recording):
    """Mean amplitude of each antenna and sub-carrier against the mean, dB."""
    mean = filled(recording.csi_amplitude).mean(axis=(0, 3))
    return mean - mean.mean()


def test_shapes(recordings):
    for one in recordings.values():
        assert one.pose_cam.shape == (12, 17, 3)
        assert one.keypoints.shape == (12, 17, 2)
        assert len(one.lidar) == len(one.mmwave) == 12
        assert {cloud.shape[1] for cloud in one.lidar} == {3}
        assert {cloud.shape[1] for cloud in one.mmwave} == {5}
        assert one.csi_amplitude.shape == one.csi_phase.shape == (12, 3, 114, 10)
        for cloud in (*one.lidar, *one.mmwave):
            assert np.isfinite(cloud).all()


def test_people_stand_three_metres_away(recordings):
    pelvis = np.concatenate([one.pose_cam[:, 0] for one in recordings.values()])
    assert (np.abs(pelvis.mean(axis=0) - [0, 0.1, 2.9]) < [0.25, 0.15, 0.3]).all()
    for one in recordings.values():
        # y points down, and the left side is on the right of the image.
        assert (one.pose_cam[:, 10, 1] < one.pose_cam[:, 0, 1]).all()
        assert one.pose_cam[0, 4, 0] > one.pose_cam[0, 1, 0]


def test_lidar_counts(recordings):
    counts = np.array([len(c) for one in recordings.values() for c in one.lidar])
    assert 700 < counts.mean() < 1300
    assert counts.max() <= 1660 and (counts > 600).mean() > 0.9


def test_radar_counts(recordings):
    counts = np.array([len(c) for one in recordings.values() for c in one.mmwave])
    assert counts.max() <= 112 and counts.max() > 25
    assert 0.10 <= (counts == 0).mean() <= 0.25


def test_radar_sees_least_of_slow_actions(recordings):
    def seen(actions):
        return np.mean([len(c) > 0 for a in actions for c in recordings[a].mmwave])

    assert seen(SLOW) + 0.1 < seen(FAST) and seen(FAST) > 0.85


def test_radar_sees_nothing_of_somebody_at_rest(parameters):
    subject = Subject.sample(np.random.default_rng(0), parameters)
    state = animate_mmfi(
        *('A03', subject.body),
        num_frames=60,
        fps=100,
        generator=np.random.default_rng(0),
    )
    kept = type(state)(
        np.repeat(state.angles[:1], 60, axis=0), np.repeat(state.root[:1], 60, axis=0)
    )
    for posture, empty in ((kept, True), (state, False)):
        clouds = record(
            *(subject, posture, parameters.rooms['E01']),
            fps=10,
            parameters=parameters,
            generator=np.random.default_rng(1),
        ).mmwave
        assert all(len(cloud) == 0 for cloud in clouds) == empty


def test_points_are_on_the_person(recordings):
    for one in recordings.values():
        for pose, cloud, echoes in zip(
            one.pose_cam, one.lidar, one.mmwave, strict=True
        ):
            gaps = np.linalg.norm(cloud[:, None] - pose, axis=-1).min(axis=1)
            assert gaps.max() < 0.4
            gaps = np.linalg.norm(echoes[:, None, :3] - pose, axis=-1).min(axis=1)
            assert len(gaps) == 0 or np.median(gaps) < 0.6
            # The scanner sees the side that faces it.
            nearest = np.linalg.norm(cloud[:, None] - pose, axis=-1).argmin(axis=1)
            assert (cloud[:, 2] - pose[nearest, 2]).mean() < -0.015


def test_keypoints_are_the_projected_pose(recordings, parameters):
    camera = camera_of(parameters.rooms['E01'], parameters)
    errors = []
    for one in recordings.values():
        pixels = one.pose_cam[..., :2] / one.pose_cam[..., 2:] * camera.focal
        errors.append(one.keypoints - pixels - camera.centre)
    assert np.median(np.linalg.norm(errors, axis=-1)) < 10


def test_channel_state_is_lost_now_and_then(recordings):
    amplitude = np.concatenate([one.csi_amplitude for one in recordings.values()])
    lost = np.isneginf(amplitude)
    assert not np.isnan(amplitude).any() and not np.isposinf(amplitude).any()
    whole = lost.all(axis=(1, 2))
    assert 0.0005 < whole.mean() < 0.02
    scattered = lost.transpose(0, 3, 1, 2)[~whole].mean()
    assert 1e-5 < scattered < 5e-3


def test_rooms_differ_more_than_people(homes):
    shapes = {key: shape_of(one) for key, one in homes.items()}
    same, other = [], []
    for first in shapes:
        for second in shapes:
            if first < second:
                gap = np.sqrt(((shapes[first] - shapes[second]) ** 2).mean())
                (same if first[0] == second[0] else other).append(gap)
    assert 2 * np.mean(same) < np.mean(other) and max(same) < np.mean(other)


def test_channel_state_follows_the_pose(recordings):
    """It changes more from frame to frame than its noise from packet to packet."""
    for action in ('A06', 'A12', 'A22'):
        amplitude = filled(recordings[action].csi_amplitude)
        centred = amplitude - amplitude.mean(axis=(1, 2), keepdims=True)
        over_frames = centred.mean(axis=-1).std(axis=0).mean()
        # Of the mean of ten packets.
        noise = np.diff(centred, axis=-1).std() / np.sqrt(20)
        assert over_frames > 2 * noise


def test_people_and_sessions_differ(parameters):
    people = [
        Subject.sample(np.random.default_rng(seed), parameters) for seed in range(20)
    ]
    assert len({person.body.stature for person in people}) == 20
    places = np.array([person.place for person in people])
    assert 0.03 < places.std() < 0.1
    room = parameters.rooms['E02']
    links = [link_of(room, parameters, person.antenna_shift) for person in people]
    moved = np.array([link.transmitter for link in links]) - room.transmitter_m
    assert 0.002 < moved.std() < 0.008


def test_a_recording_depends_on_the_generator_only(act):
    first, again = (act(3, 'A02', frames=2) for _ in range(2))
    np.testing.assert_array_equal(first.csi_phase, again.csi_phase)
    np.testing.assert_array_equal(first.keypoints, again.keypoints)
    np.testing.assert_array_equal(first.lidar[1], again.lidar[1])
    np.testing.assert_array_equal(first.mmwave[1], again.mmwave[1])


def test_invalid(parameters):
    subject = Subject.sample(np.random.default_rng(0), parameters)
    assert isinstance(subject.body, Body)
    state = animate_mmfi(
        *('A02', subject.body),
        num_frames=15,
        fps=100,
        generator=np.random.default_rng(0),
    )
    with pytest.raises(ValueError, match='15 postures; expected 10 for every frame'):
        record(
            *(subject, state, parameters.rooms['E01']),
            fps=10,
            parameters=parameters,
            generator=np.random.default_rng(0),
        )
