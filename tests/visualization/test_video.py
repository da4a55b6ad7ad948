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
