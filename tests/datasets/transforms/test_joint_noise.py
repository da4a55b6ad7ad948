import numpy as np
import pytest
from mmengine.registry import init_default_scope
from mmpose.registry import TRANSFORMS

from mmpose_ext.datasets import LiftingDataset
from mmpose_ext.datasets.transforms import JointNoise, frame_noise

FRAMES = 4000
NINE = tuple(range(9))


def sample(frame_ids=NINE, sequence='S1_Walking', width=1000):
    frame_ids = np.asarray(frame_ids)
    keypoints = np.full((len(frame_ids), 17, 2), 500, dtype=np.float32)
    keypoints.flags.writeable = False
    return dict(
        keypoints=keypoints,
        lifting_target=np.zeros((len(frame_ids), 17, 3), np.float32),
        frame_ids=frame_ids,
        sequence=sequence,
        camera_param=dict(w=width, h=800),
    )


def noise_of(transform, **options):
    return transform(sample(**options))['keypoints'] - 500


def test_shapes():
    before = sample()
    after = JointNoise(5.0)(dict(before))
    assert after['keypoints'].shape == (9, 17, 2)
    assert after['keypoints'].dtype == np.float32
    assert (before['keypoints'] == 500).all(), 'the view on the store is left alone'
    assert after['lifting_target'] is before['lifting_target']


def test_values():
    noise = noise_of(JointNoise(5.0), frame_ids=range(FRAMES))
    assert abs(noise.mean()) < 4 * 5 / np.sqrt(noise.size)
    assert noise.std() == pytest.approx(5, rel=0.01)
    per_joint = noise.std(axis=0)
    assert per_joint.min() > 4.5 and per_joint.max() < 5.5
    x, y = noise.reshape(-1, 2).T
    assert abs(np.corrcoef(x, y)[0, 1]) < 0.02
    assert abs(np.corrcoef(noise[1:].ravel(), noise[:-1].ravel())[0, 1]) < 0.02


def test_strength():
    """The same noise, in proportion to sigma; 1 normalised is half the width."""
    weak, strong = noise_of(JointNoise(1.0)), noise_of(JointNoise(8.0))
    np.testing.assert_allclose(strong, 8 * weak, atol=1e-3)
    normalised = noise_of(JointNoise(0.01, 'normalized'), width=1600)
    np.testing.assert_allclose(normalised, strong, atol=1e-3)
    before = sample()
    assert JointNoise(0.0)(before)['keypoints'] is before['keypoints']


def test_noise_belongs_to_the_frame():
    transform = JointNoise(5.0)
    first = noise_of(transform, frame_ids=range(60, 69))
    later = noise_of(transform, frame_ids=range(63, 72))
    assert np.array_equal(first[3:], later[:6]), 'wherever its window starts'
    again = noise_of(JointNoise(5.0), frame_ids=[68, 60])
    assert np.array_equal(again, first[[8, 0]])
    assert not np.isclose(first, noise_of(transform, sequence='S1_Sitting')).any()
    assert not np.isclose(first[:4], noise_of(transform, frame_ids=range(4))).any()
    other = noise_of(JointNoise(5.0, seed=1), frame_ids=range(60, 69))
    assert not np.isclose(first, other).any()


def test_padded_frames():
    """A repeated last frame is repeated with its noise."""
    noise = frame_noise(0, 'a', np.array([3, 4, 4]), (17, 2))
    assert np.array_equal(noise[1], noise[2])
    assert not np.isclose(noise[0], noise[1]).any()


@pytest.mark.parametrize('sigma', [-1.0, -1e-9, float('nan'), float('inf')])
def test_sigma_below_zero(sigma):
    with pytest.raises(ValueError, match='from 0 on'):
        JointNoise(sigma)


def test_invalid():
    with pytest.raises(ValueError, match=r"unit='mm'; expected.*pixel"):
        JointNoise(1.0, 'mm')
    with pytest.raises(ValueError, match='seed=-1'):
        JointNoise(1.0, seed=-1)
    with pytest.raises(ValueError, match=r"needs \['sequence', 'frame_ids'\]"):
        JointNoise(1.0)(dict(keypoints=np.zeros((1, 17, 2), np.float32)))
    with pytest.raises(ValueError, match='image width'):
        JointNoise(1.0, 'normalized')({**sample(), 'camera_param': {}})


def test_in_runner(pose_store):
    """Out of a config, in a dataset: the same for windows of another length."""
    init_default_scope('mmpose')
    noise = dict(type='JointNoise', sigma=4.0, unit='pixel')
    assert 'sigma=4.0' in repr(TRANSFORMS.build(noise))
    clean, nine, three = (
        LiftingDataset(store=pose_store, seq_len=seq_len, pipeline=pipeline)
        for seq_len, pipeline in ((9, []), (9, [noise]), (3, [noise]))
    )
    added = nine[1]['keypoints'] - clean[1]['keypoints']
    assert added.std() == pytest.approx(4, rel=0.2)
    assert np.array_equal(nine[1]['keypoints'][:3], three[3]['keypoints'])
