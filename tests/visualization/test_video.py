import cv2
import mp4_edits
import numpy as np
import pytest

from mmpose_ext.visualization.video import (
    read_video,
    video_properties,
    write_video,
)


def frames(number=4, height=33, width=48):
    return [np.full((height, width, 3), 40 * i, np.uint8) for i in range(number)]


def test_round_trip(tmp_path):
    path = tmp_path / 'folder' / 'clip.mp4'
    write_video(path, frames(), fps=12)
    assert video_properties(path) == ((48, 34), 12), 'sides are made even'
    read = list(read_video(path, 3))
    assert len(read) == 3
    for i, image in enumerate(read):
        assert abs(float(image[:32].mean()) - 40 * i) < 6
    assert [file.name for file in path.parent.iterdir()] == ['clip.mp4']


def test_every_third_frame(tmp_path):
    path = tmp_path / 'clip.mp4'
    write_video(path, frames(), fps=12)
    every, third = list(read_video(path, 4)), list(read_video(path, 4, step=3))
    assert len(third) == 2
    for image, expected in zip(third, every[::3], strict=True):
        np.testing.assert_array_equal(image, expected)
    with pytest.raises(ValueError, match='has 4 frames, but 6'):
        list(read_video(path, 6, step=3))


def test_rotation(tmp_path):
    """A phone held upright."""
    path = tmp_path / 'clip.mp4'
    write_video(path, frames(height=34), fps=12)
    mp4_edits.rotate(path, 1)
    assert video_properties(path) == ((34, 48), 12)
    assert next(read_video(path, 1)).shape == (48, 34, 3)


def test_encoder_is_closed(tmp_path, monkeypatch):
    """Also if a picture fails, and readers once nobody reads on."""
    made = []

    def spy(cls):
        def make(*args):
            made.append(cls(*args))
            return made[-1]

        return make

    def pictures():
        yield frames()[0]
        raise RuntimeError('no picture')

    writer = cv2.VideoWriter
    monkeypatch.setattr('cv2.VideoWriter', spy(writer))
    monkeypatch.setattr('cv2.VideoWriter.fourcc', writer.fourcc, raising=False)
    with pytest.raises(RuntimeError, match='no picture'):
        write_video(tmp_path / 'a.mp4', pictures(), fps=12)
    assert len(made) == 1 and not made[0].isOpened()
    write_video(tmp_path / 'b.mp4', frames(), fps=12)
    monkeypatch.setattr('cv2.VideoCapture', spy(cv2.VideoCapture))
    video_properties(tmp_path / 'b.mp4')
    reader = read_video(tmp_path / 'b.mp4', 4)
    next(reader)
    reader.close()
    assert len(made) == 4 and not any(each.isOpened() for each in made)


def test_invalid(tmp_path):
    with pytest.raises(ValueError, match='no frame'):
        write_video(tmp_path / 'a.mp4', [], fps=25)
    assert not list(tmp_path.iterdir()), 'whole or absent'
    with pytest.raises(FileNotFoundError, match='nothing.mp4'):
        video_properties('nothing.mp4')
    (tmp_path / 'text.mp4').write_text('hello')
    with pytest.raises(ValueError, match='cannot be read as a video'):
        video_properties(tmp_path / 'text.mp4')
    write_video(tmp_path / 'b.mp4', frames(2), fps=25)
    with pytest.raises(ValueError, match='has 2 frames, but 5'):
        list(read_video(tmp_path / 'b.mp4', 5))
