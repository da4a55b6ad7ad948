import numpy as np
import pytest
from mmengine.registry import init_default_scope
from mmpose.registry import TRANSFORMS

from mmpose_ext.datasets.transforms import JointCutout

MEAN_BGR = [104, 116, 124]


def sample(level=200):
    joints = np.array([[30.0, 40.0], [90, 128], [160, 235], [60, 200], [150, 50]])
    return dict(
        img=np.full((256, 192, 3), level, np.uint8),
        transformed_keypoints=joints[None].astype(np.float32),
        keypoints_visible=np.ones((1, 5), np.float32),
    )


def cut(transform, **changes):
    results = transform({**sample(), **changes})
    return (results['img'] != 200).any(-1)


def test_values():
    before = sample()
    after = JointCutout(5, jitter=0.0)(dict(before))['img']
    assert after.dtype == np.uint8 and (before['img'] == 200).all(), 'a new array'
    where = (after != 200).any(-1)
    assert (after[where] == MEAN_BGR).all()
    for x, y in before['transformed_keypoints'][0].astype(int):
        assert where[y, x]
    np.random.seed(0)
    mean = np.mean([cut(JointCutout(5, jitter=0.0)).sum() for _ in range(60)])
    assert mean == pytest.approx(5 * 29 * 29, rel=0.05)


def test_unlabelled_joints_are_not_drawn():
    np.random.seed(0)
    visible = np.array([[1, 0, 0, 0, 0]], np.float32)
    for shape in ((1, 5), (1, 5, 2)):
        shaped = visible if len(shape) == 2 else np.repeat(visible[..., None], 2, -1)
        where = cut(JointCutout(5, jitter=0.0), keypoints_visible=shaped)
        assert where[:60, :50].sum() == where.sum() >= 400
    nothing = cut(JointCutout(5), keypoints_visible=0 * visible)
    assert not nothing.any()


def test_seeds():
    """NumPy's global seed decides, as for the other transforms."""
    transform = JointCutout((1, 4), fill=0.0, prob=0.5)
    np.random.seed(3)
    first = [cut(transform).sum() for _ in range(40)]
    np.random.seed(3)
    assert first == [cut(transform).sum() for _ in range(40)]
    assert 8 < np.count_nonzero(first) < 32, 'half of the images'
    assert len(set(first)) > 5


def test_fill():
    image = JointCutout(fill=0)(sample())['img']
    assert set(np.unique(image)) == {0, 200}
    image = JointCutout(fill=[1, 2, 3])(sample())['img']
    assert {tuple(pixel) for pixel in image.reshape(-1, 3)} == {(200,) * 3, (1, 2, 3)}


def test_invalid():
    with pytest.raises(ValueError, match='after TopdownAffine'):
        JointCutout()(dict(img=np.zeros((4, 4, 3), np.uint8)))
    with pytest.raises(ValueError, match='after TopdownAffine'):
        JointCutout()({**sample(), 'transformed_keypoints': np.zeros([])})
    with pytest.raises(ValueError, match=r'fill=\[1, 2\]'):
        JointCutout(fill=[1, 2])
    with pytest.raises(ValueError, match='prob=2'):
        JointCutout(prob=2)
    with pytest.raises(ValueError, match='num_joints=0'):
        JointCutout(0)


def test_in_pipeline():
    """Behind TopdownAffine of a config."""
    init_default_scope('mmpose')
    steps = [
        dict(type='GetBBoxCenterScale'),
        dict(type='TopdownAffine', input_size=(48, 64)),
        dict(type='JointCutout', num_joints=2, half_size=[3, 5], jitter=0.0),
    ]
    results = dict(
        img=np.full((200, 300, 3), 200, np.uint8),
        bbox=np.array([[100, 40, 180, 160]], np.float32),
        keypoints=np.array([[[140, 100], [130, 60]]], np.float32),
        keypoints_visible=np.ones((1, 2), np.float32),
    )
    for step in steps:
        results = TRANSFORMS.build(step)(results)
    x, y = results['transformed_keypoints'][0].round().astype(int).T
    assert (results['img'][y, x] == MEAN_BGR).all()
    assert 'num_joints=2' in repr(TRANSFORMS.build(steps[-1]))
