from types import SimpleNamespace

import numpy as np
import pytest
import torch
import untrained
from mmengine.structures import InstanceData

from mmpose_ext.apis.person_detection import PersonDetector, person_label
from mmpose_ext.apis.video_frames import VideoFrame

CONFIG = untrained.FIXTURES / 'tiny_detector.py'


def frames(number=3, size=(200, 150)):
    rng = np.random.default_rng(0)
    shape = (size[1], size[0], 3)
    return [
        VideoFrame(i, i / 25, rng.integers(0, 256, shape, dtype=np.uint8))
        for i in range(number)
    ]


@pytest.fixture(scope='module')
def checkpoint(tmp_path_factory):
    path = tmp_path_factory.mktemp('detector') / 'weights.pth'
    return untrained.write_checkpoint(CONFIG, path)


def test_batch_is_as_one_by_one(checkpoint):
    detector = PersonDetector(CONFIG, checkpoint, score_threshold=0.0, device='cpu')
    given = frames()
    together = detector(given)
    assert len(together) == 3
    for frame, people in zip(given, together, strict=True):
        assert people.boxes.shape == (3, 4) and people.boxes.dtype == np.float32
        assert (np.diff(people.scores) <= 0).all()
        assert (people.boxes <= [200, 150, 200, 150]).all(), 'pixels of the frame'
        (alone,) = detector([frame])
        np.testing.assert_allclose(alone.boxes, people.boxes, atol=1e-2)


def test_people_with_enough_score(checkpoint, monkeypatch):
    detector = PersonDetector(CONFIG, checkpoint, score_threshold=0.3, device='cpu')
    found = InstanceData(
        bboxes=torch.arange(16.0).reshape(4, 4),
        scores=torch.tensor([0.4, 0.2, 0.9, 0.8]),
        labels=torch.tensor([0, 0, 1, 0]),
    )
    sample = SimpleNamespace(pred_instances=found)
    monkeypatch.setattr(detector.network, 'run', lambda samples: [sample])
    (people,) = detector(frames(1))
    np.testing.assert_allclose(people.scores, [0.8, 0.4])
    np.testing.assert_array_equal(people.boxes[:, 0], [12, 0])
    assert 'tiny_detector.py' in str(detector)


def test_label():
    assert person_label(['bicycle', 'Person', 'car'], 'c.py') == 1
    assert person_label(['pedestrian'], 'c.py') == 0
    with pytest.raises(ValueError, match="c.py detects cat, dog; .* class 'person'"):
        person_label(['cat', 'dog'], 'c.py')


def test_classes_of_the_checkpoint(checkpoint, tmp_path):
    """What the weights were trained on counts, not what the config says."""
    path = tmp_path / 'other.pth'
    content = torch.load(checkpoint, weights_only=True)
    content['meta'] = dict(dataset_meta=dict(CLASSES=('cat', 'dog')))
    torch.save(content, path)
    with pytest.raises(ValueError, match='detects cat, dog'):
        PersonDetector(CONFIG, path, device='cpu')


def test_invalid(checkpoint, tmp_path):
    with pytest.raises(FileNotFoundError, match='there is no config nothing.py'):
        PersonDetector('nothing.py', checkpoint)
    for score in (7, -0.1):
        with pytest.raises(ValueError, match=f'score_threshold={score}; expected'):
            PersonDetector(CONFIG, checkpoint, score_threshold=score)
    with pytest.raises(FileNotFoundError, match='there is no checkpoint'):
        PersonDetector(CONFIG, tmp_path / 'nothing.pth')
    other = untrained.FIXTURES / 'tiny_pose2d.py'
    foreign = untrained.write_checkpoint(other, tmp_path / 'pose.pth')
    with pytest.raises(ValueError, match='does not fit .*tiny_detector.py'):
        PersonDetector(CONFIG, foreign, device='cpu')
    empty = tmp_path / 'empty.py'
    empty.write_text('a = 1\n')
    with pytest.raises(ValueError, match='expected a config with model'):
        PersonDetector(empty, checkpoint)
