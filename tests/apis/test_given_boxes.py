import json
import warnings

import numpy as np
import pytest

from mmpose_ext.apis.given_boxes import GivenBoxes, WholeImage
from mmpose_ext.apis.video_frames import VideoFrame

BOX, OTHER = [1.0, 2.0, 3.0, 5.0], [4.0, 4.0, 9.0, 9.0]


def frames(*numbers):
    return [VideoFrame(n, n / 25, np.zeros((40, 60, 3), np.uint8)) for n in numbers]


def test_list_of_frames(tmp_path):
    path = tmp_path / 'boxes.json'
    path.write_text(json.dumps([[BOX], [], [[*BOX, 0.5], OTHER]]))
    source = GivenBoxes(path)
    first, second, third, beyond = source(frames(0, 1, 2, 3))
    np.testing.assert_array_equal(first.boxes, [BOX])
    assert first.scores.tolist() == [1]
    assert len(second) == len(beyond) == 0 and second.boxes.shape == (0, 4)
    np.testing.assert_array_equal(third.boxes, [BOX, OTHER])
    assert third.scores.tolist() == [0.5, 1]
    assert 'boxes.json, whose boxes are of the frames 0 to 2' in str(source)


@pytest.mark.parametrize('ending', ['json', 'npz'])
def test_columns(tmp_path, ending):
    path = tmp_path / f'boxes.{ending}'
    columns = dict(frames=[5, 0, 5], boxes=[BOX, OTHER, OTHER], scores=[0.1, 0.2, 0.3])
    if ending == 'json':
        path.write_text(json.dumps(columns))
    else:
        np.savez(path, **columns)
    first, fifth = GivenBoxes(path)(frames(0, 5))
    np.testing.assert_array_equal(first.boxes, [OTHER])
    np.testing.assert_allclose(fifth.scores, [0.1, 0.3])


def test_whole_image():
    (people,) = WholeImage()(frames(3))
    assert people.boxes.tolist() == [[0, 0, 60, 40]] and people.scores.tolist() == [1]


def test_invalid(tmp_path):
    with pytest.raises(FileNotFoundError, match='no file nothing.json'):
        GivenBoxes('nothing.json')

    def given(content):
        path = tmp_path / 'boxes.json'
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return GivenBoxes(path)

    with pytest.raises(ValueError, match='cannot be read as boxes'):
        given('hello')
    with pytest.raises(ValueError, match='cannot be read as boxes'):
        given(dict(boxes=[BOX]))
    with pytest.raises(ValueError, match='cannot be read as boxes'):
        given(3)
    (tmp_path / 'boxes.npz').write_bytes(b'PK')
    with pytest.raises(ValueError, match='cannot be read as boxes'):
        GivenBoxes(tmp_path / 'boxes.npz')
    with pytest.raises(ValueError, match='1 frames, 2 boxes and 2 scores'):
        given(dict(frames=[0], boxes=[BOX, BOX]))
    with pytest.raises(ValueError, match='of frame 1 is not x1, y1, x2, y2'):
        given([[BOX], [[5, 5, 1, 9]]])
    for score in (50, -0.1, float('nan')):
        with pytest.raises(ValueError, match='score .* of a box in frame 1 is out of'):
            given([[BOX], [[*BOX, score]]])
    for frame in (-1, 0.5):
        with pytest.raises(ValueError, match=f'there is no frame {frame}'):
            given(dict(frames=[0, frame], boxes=[BOX, BOX]))
    source = given([[BOX], [[60, 5, 90, 20]]])
    assert len(source(frames(0))[0]) == 1
    with pytest.raises(ValueError, match='of frame 1 lies outside .* 60 x 40 pixels'):
        source(frames(0, 1))


def test_frames_beyond_the_clip(tmp_path):
    path = tmp_path / 'boxes.json'
    path.write_text(json.dumps([[BOX], [], [BOX, OTHER], []]))
    source = GivenBoxes(path)
    with pytest.warns(UserWarning, match='2 boxes of frames up to 2, but .* 0 to 1'):
        source.note_frames_beyond(2)
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        source.note_frames_beyond(3)
