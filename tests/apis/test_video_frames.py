import cv2
import mp4_edits
import numpy as np
import pytest

from mmpose_ext.apis.video_frames import (
    VideoInfo,
    batches,
    mean_fps,
    rate_varies,
    read_frames,
    video_info,
)
from mmpose_ext.visualization.video import write_video


def pictures(number=12, size=(64, 48)):
    """Frame i has the grey 20 i, and a white corner at the upper left."""
    for i in range(number):
        image = np.full((size[1], size[0], 3), 15 * i, np.uint8)
        image[:16, :16] = 255
        yield image


@pytest.fixture
def video(tmp_path):
    path = tmp_path / 'clip.mp4'
    write_video(path, pictures(), fps=10)
    return path


def test_frames(video):
    info = video_info(video)
    assert info == VideoInfo('clip.mp4', (64, 48), 10, 12)
    frames = list(read_frames(video))
    assert [frame.index for frame in frames] == list(range(12))
    np.testing.assert_allclose([f.time for f in frames], np.arange(12) / 10, atol=1e-6)
    assert frames[0].size == (64, 48)
    for frame in frames:
        assert abs(float(frame.image[30:, 30:].mean()) - 15 * frame.index) < 8


@pytest.mark.parametrize(
    ('turns', 'corner'), [(1, np.s_[:12, -12:]), (2, np.s_[-12:, -12:])]
)
def test_rotation_flag(video, turns, corner):
    """A quarter turn clockwise takes the upper left corner to the upper right."""
    mp4_edits.rotate(video, turns)
    size = (48, 64) if turns == 1 else (64, 48)
    assert video_info(video).image_size == size
    frame = next(iter(read_frames(video)))
    assert frame.size == size
    assert frame.image[corner].mean() > 200
    assert frame.image.mean() < 80


def test_variable_rate(video):
    info = video_info(video)
    durations = [1024] * 4 + [4096] * 4 + [512] * 4
    mp4_edits.set_durations(video, durations)
    times = np.array([frame.time for frame in read_frames(video)])
    expected = np.cumsum([0, *durations[:-1]]) / (1024 * info.fps)
    np.testing.assert_allclose(times, expected, atol=2e-3)
    assert mean_fps(times, 25) == pytest.approx(11 / expected[-1], rel=1e-2)


def test_damaged_tail(video, recwarn):
    mp4_edits.damage_tail(video, 0.5)
    frames = list(read_frames(video))
    assert 2 <= len(frames) < 12
    (warning,) = (w for w in recwarn if 'announces' in str(w.message))
    assert 'announces 12 frames' in str(warning.message)
    assert f'after frame {len(frames) - 1}' in str(warning.message)


def test_cut_short(tmp_path):
    """Motion JPEG in AVI can be read as far as it goes."""
    path = tmp_path / 'cut.avi'
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*'MJPG'), 10, (320, 240))
    for image in pictures(size=(320, 240)):
        writer.write(image)
    writer.release()
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 7 // 10])
    with pytest.warns(UserWarning, match='announces 12 frames, but reading ended'):
        frames = list(read_frames(path))
    assert 2 <= len(frames) < 12


def test_batches():
    assert list(batches(range(5), 2)) == [[0, 1], [2, 3], [4]]
    with pytest.raises(ValueError, match='a batch of 0 frames'):
        list(batches([1], 0))
    assert mean_fps(np.zeros(1), 25) == 25


def test_nothing_is_held(video):
    frames = read_frames(video)
    next(frames)
    frames.close()


def test_invalid(tmp_path, video):
    with pytest.raises(FileNotFoundError, match='there is no video nothing.mp4'):
        video_info('nothing.mp4')
    text = tmp_path / 'text.mp4'
    text.write_text('hello')
    with pytest.raises(ValueError, match='cannot be read as a video'):
        list(read_frames(text))
    content = video.read_bytes()
    cut = tmp_path / 'cut.mp4'
    cut.write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match='cut short before its index was written'):
        video_info(cut)
    mp4_edits.damage_tail(video, 1.0)
    with pytest.raises(ValueError, match='not one frame of it can be decoded'):
        list(read_frames(video))


def test_rate_varies():
    even = np.arange(10) / 30
    assert not rate_varies(even) and not rate_varies(even[:2])
    assert not rate_varies(np.round(even, 3)), 'rounded to milliseconds'
    assert rate_varies(np.delete(even, 5)), 'a frame is missing'
