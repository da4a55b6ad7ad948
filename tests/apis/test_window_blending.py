import numpy as np
import pytest

from mmpose_ext.apis.window_blending import (
    WindowBlender,
    agreement_to_confidence,
    tent,
    window_frames,
)
from mmpose_ext.datasets.windows import build_window_index


def numbered(windows):
    """Poses (W, T, 2, 3) that say the slot."""
    slots = np.arange(windows.seq_len)[:, None, None]
    return np.broadcast_to(slots, (len(windows), windows.seq_len, 2, 3)).astype(float)


def blend(windows, poses):
    blender = WindowBlender(joints=2)
    blender.add(windows.start, windows.frames, tent(windows), poses)
    return blender.take(blender.covered)


def test_frames_and_tent():
    windows = build_window_index([7, 2], 4, stride=2)
    assert windows.start.tolist() == [0, 2, 3, 0]
    expected = [windows.frame_ids(number).tolist() for number in range(4)]
    assert window_frames(windows).tolist() == expected
    assert tent(windows).tolist() == [[1, 2, 2, 1]] * 3 + [[1, 2, 0, 0]]


def test_values():
    """Weights 1, 2, 2, 1 over windows that start at 0, 2 and, to end well, 3."""
    windows = build_window_index([7], 4, stride=2)
    poses, spread = blend(windows, numbered(windows))
    mean = [0, 1, (2 * 2 + 1 * 0) / 3, (1 * 3 + 2 * 1 + 1 * 0) / 4]
    mean += [(2 * 2 + 2 * 1) / 4, (1 * 3 + 2 * 2) / 3, 3]
    np.testing.assert_allclose(poses[:, 1, 2], mean, atol=1e-6)
    # Frame 4: 2 and 1, weighted alike, each 0.5 off in three coordinates.
    assert spread[4, 0] == pytest.approx(0.5 * 3**0.5)
    assert spread[[0, 1, 6]].max() == 0, 'one window has nothing to disagree with'


def test_pieces():
    """Windows one by one, frames taken as soon as they are final."""
    windows = build_window_index([40], 9, stride=4)
    rng = np.random.default_rng(0)
    poses = rng.normal(size=(len(windows), 9, 2, 3))
    whole = blend(windows, poses)
    blender, pieces = WindowBlender(joints=2), []
    for number in range(len(windows)):
        one = windows.take([number])
        blender.add(one.start, one.frames, tent(one), poses[number : number + 1])
        last = number + 1 == len(windows)
        pieces.append(blender.take(40 if last else int(windows.start[number + 1])))
        assert len(blender) < 9
    for rows, expected in zip(zip(*pieces, strict=True), whole, strict=True):
        np.testing.assert_allclose(np.concatenate(rows), expected, atol=1e-6)


def test_late_window():
    """What a window says of frames that are gone is left out."""
    blender = WindowBlender(joints=2)
    row = np.ones((1, 4, 2, 3))
    blender.add(np.array([0]), np.array([4]), np.ones((1, 4)), row)
    blender.take(3)
    blender.add(np.array([1]), np.array([4]), np.ones((1, 4)), 3 * row)
    assert blender.take(5).poses[:, 0, 0].tolist() == [2, 3]
    blender.add(np.array([0]), np.array([4]), np.ones((1, 4)), row)
    assert len(blender) == 0


def test_confidence():
    scores = np.array([[1.0, 1.0, 0.5, 0.0]])
    spread = np.array([[0.0, 0.05, 0.05, 0.0]])
    assert agreement_to_confidence(scores, spread).tolist() == [[1, 0.5, 0.25, 0]]


def test_invalid():
    blender = WindowBlender(joints=2)
    with pytest.raises(ValueError, match='from 0 to 0 are asked for'):
        blender.take(1)
