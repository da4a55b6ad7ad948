"""t-SNE of features: which frames, which features, which pictures."""

import argparse
import json

import feature_distribution as tool
import matplotlib.image
import numpy as np
import pytest
import untrained
from mmengine.config import Config
from mmengine.registry import init_default_scope

from mmpose_ext.engine.inference import build_scored_dataset


@pytest.fixture
def lifters(tmp_path, tiny_config_file):
    return untrained.lifter_arguments(tmp_path, 'tiny_prml', 'tiny_lifting')


@pytest.fixture
def dataset(tiny_config_file):
    """A function that builds the scored test data."""

    def build(**options):
        cfg = Config.fromfile(tiny_config_file)
        cfg.test_dataloader.dataset.update(options)
        init_default_scope('mmpose')
        data = build_scored_dataset(cfg)
        data.full_init()
        return data

    return build


def chosen(datasets, frames, number, sequence=None, seed=0):
    args = argparse.Namespace(frames=frames, number=number, sequence=sequence)
    return tool.choose_frames(datasets, args, np.random.default_rng(seed))


def test_scored_rows(dataset):
    """The frames of S3, each once, whatever the windows."""
    rows, windows = tool.scored_rows(dataset())
    store = dataset().store
    expected = np.concatenate(
        [
            np.arange(row.start, row.start + row.length)
            for row in store.sequences
            if row.subject == 'S3'
        ]
    )
    assert np.array_equal(rows, expected)
    assert windows.tolist() == sorted(windows)
    centred = tool.scored_rows(dataset(seq_len=5, scored='centre'))[0]
    assert np.array_equal(centred, expected)
    data = dataset(seq_len=5, stride=2)
    rows, windows = tool.scored_rows(data)
    assert np.array_equal(rows, expected)
    for row, window in zip(rows[:20], windows[:20], strict=True):
        sample = data.get_data_info(window)
        begin = store.sequences[sample['sequence_id']].start
        assert row - begin in sample['frame_ids'][sample['score_mask']]


def test_choice(dataset):
    data = dataset()
    rows = chosen([data], 'random', 20)
    assert len(set(rows)) == 20 and (np.diff(rows) > 0).all()
    assert np.array_equal(rows, chosen([data], 'random', 20))
    assert not np.array_equal(rows, chosen([data], 'random', 20, seed=1))
    assert np.isin(rows, tool.scored_rows(data)[0]).all()
    name = 'S3_Sitting.60457274'
    rows = chosen([data], 'consecutive', 10, name)
    assert (np.diff(rows) == 1).all()
    (row,) = (row for row in data.store.sequences if row.name == name)
    assert row.start <= rows[0] and rows[-1] < row.start + row.length
    assert len(chosen([data], 'consecutive', 13)) == 13, 'only two are long enough'
    assert len(chosen([data], 'consecutive', 1)) == 1


def test_frames_that_all_score(dataset):
    """Windows of five frames without their tail leave frames out."""
    both = [dataset(), dataset(seq_len=5, tail='drop')]
    rows = chosen(both, 'random', 40)
    assert np.array_equal(rows, tool.scored_rows(both[1])[0])


def test_in_runner(lifters, tmp_path):
    out = tmp_path / 'out'
    flags = ['--labels', 'PrML', 'MotionBERT', '--perplexity', '5', '--out', str(out)]
    features = tool.main([*lifters, *flags, '--number', '6'])
    assert list(features) == [
        '2D features, PrML',
        'depth features, PrML',
        'entangled features, MotionBERT',
    ]
    assert {feature.shape for feature in features.values()} == {(6 * 17, 8)}
    for name in ('random_joint.png', 'random_own.png'):
        assert matplotlib.image.imread(out / name).ndim == 3
    record = json.loads((out / 'random.json').read_text())
    assert sum(len(part['frames']) for part in record['frames']) == 6


def test_consecutive(lifters, tmp_path):
    flags = ['--frames', 'consecutive', '--number', '5', '--perplexity', '5']
    out = ['--space', 'joint', '--out', str(tmp_path / 'out')]
    features = tool.main([*lifters[:2], *flags, *out])
    assert list(features) == ['2D features', 'depth features']
    names = sorted(path.name for path in (tmp_path / 'out').iterdir())
    assert names == ['consecutive.json', 'consecutive_joint.png']


def test_embedding():
    """Two heaps that lie far apart stay apart, and the seed decides the rest."""
    rng = np.random.default_rng(0)
    features = {
        'near': rng.normal(size=(30, 6)),
        'far': rng.normal(size=(40, 6)) + 50,
    }
    points = tool.embed(features, 'joint', perplexity=5)
    assert {kind: p.shape for kind, p in points.items()} == {
        'near': (30, 2),
        'far': (40, 2),
    }
    gap = np.linalg.norm(points['near'].mean(0) - points['far'].mean(0))
    assert gap > 2 * max(p.std(axis=0).max() for p in points.values())
    again = tool.embed(features, 'joint', perplexity=5)
    assert np.array_equal(points['far'], again['far'])
    own = tool.embed(features, 'own', perplexity=5)
    assert own['near'].shape == (30, 2)


def test_widths():
    rng = np.random.default_rng(0)
    narrow = rng.normal(size=(30, 4))
    wide = np.pad(rng.normal(size=(30, 4)), ((0, 0), (3, 3)))
    same = tool.common_width({'narrow': narrow, 'wide': wide})
    assert same['narrow'] is narrow and same['wide'].shape == (30, 4)
    distances = [np.linalg.norm(f[:, None] - f, axis=-1) for f in (wide, same['wide'])]
    np.testing.assert_allclose(*distances, atol=1e-9)


def test_invalid(dataset, lifters, tmp_path, make_pose_store):
    data = dataset()
    with pytest.raises(ValueError, match='50 scored frames, too few for --number 51'):
        chosen([data], 'random', 51)
    with pytest.raises(ValueError, match='no 14 consecutive scored frames'):
        chosen([data], 'consecutive', 14)
    with pytest.raises(ValueError, match='S3_Walking.54138969 has no 13'):
        chosen([data], 'consecutive', 13, 'S3_Walking.54138969')
    with pytest.raises(ValueError, match="sequence 'S9'.*S3_"):
        chosen([data], 'consecutive', 5, 'S9')
    with pytest.raises(ValueError, match='--number 0'):
        chosen([data], 'random', 0)
    other = dataset(store=str(make_pose_store(tmp_path / 'other')))
    with pytest.raises(ValueError, match='different stores'):
        chosen([data, other], 'random', 5)
    with pytest.raises(ValueError, match='--perplexity 30 .* 17 points'):
        tool.embed({'a': np.zeros((17, 4))}, 'own')
