"""Clip index: exact windows, and every frame scored once."""

from __future__ import annotations

import json

import numpy as np
import pytest

from mmpose_ext.datasets.windows import (
    SHORTS,
    TAILS,
    build_centre_index,
    build_window_index,
    load_index,
    save_index,
)

T, STRIDE = 9, 4


def _ids(lengths, **options):
    index = build_window_index(lengths, T, **options)
    return [(int(index.sequence[w]), *index.frame_ids(w)) for w in range(len(index))]


def _run(start, stop, sequence=0):
    return (sequence, *range(start, stop))


def _scores(index, lengths):
    """How often each frame of each sequence is scored, and whether it is covered."""
    counts = [np.zeros(n, dtype=int) for n in lengths]
    covered = [np.zeros(n, dtype=bool) for n in lengths]
    for w in range(len(index)):
        s, ids = index.sequence[w], index.frame_ids(w)
        np.add.at(counts[s], ids[index.score_mask(w)], 1)
        covered[s][ids[index.valid_mask(w)]] = True
    return np.concatenate(counts), np.concatenate(covered)


def test_shapes():
    index = build_window_index([20, 0, 5, 9], T, stride=STRIDE)
    columns = ('sequence', 'start', 'frames', 'scored', 'stretched', 'lead', 'centred')
    for name in columns:
        assert getattr(index, name).shape == (len(index),)
    assert index.frame_ids(0).shape == (T,) and index.frame_ids(0).dtype == np.int64
    assert index.valid_mask(0).shape == (T,) and index.valid_mask(0).dtype == bool
    assert index.score_mask(0).shape == (T,) and index.score_mask(0).dtype == bool


@pytest.mark.parametrize(
    ('length', 'tail', 'expected'),
    [
        (T, 'drop', [_run(0, 9)]),
        (T, 'last_window', [_run(0, 9)]),
        (T, 'pad', [_run(0, 9)]),
        (T + 1, 'drop', [_run(0, 9)]),
        (T + 1, 'last_window', [_run(0, 9), _run(1, 10)]),
        (T + 1, 'pad', [_run(0, 9), (*_run(4, 10), 9, 9, 9)]),
        (T + STRIDE, 'drop', [_run(0, 9), _run(4, 13)]),
        (T + STRIDE, 'last_window', [_run(0, 9), _run(4, 13)]),
        (T + STRIDE, 'pad', [_run(0, 9), _run(4, 13)]),
        (3 * T, 'drop', [_run(s, s + 9) for s in (0, 4, 8, 12, 16)]),
        (3 * T, 'last_window', [_run(s, s + 9) for s in (0, 4, 8, 12, 16, 18)]),
        (
            3 * T,
            'pad',
            [*(_run(s, s + 9) for s in (0, 4, 8, 12, 16)), (*_run(20, 27), 26, 26)],
        ),
    ],
)
def test_values(length, tail, expected):
    assert _ids([length], stride=STRIDE, tail=tail) == expected


@pytest.mark.parametrize(
    ('short', 'expected'),
    [
        ('pad', [(0, 0, 1, 2, 3, 4, 5, 6, 7, 7)]),
        ('drop', []),
        ('stretch', [(0, 0, 0, 1, 2, 3, 4, 5, 6, 7)]),
    ],
)
def test_values_of_a_short_sequence(short, expected):
    assert _ids([T - 1], stride=STRIDE, short=short) == expected


def test_values_of_stretched_windows():
    index = build_window_index([4], T, short='stretch')
    np.testing.assert_array_equal(index.frame_ids(0), [0, 0, 0, 1, 1, 2, 2, 3, 3])
    np.testing.assert_array_equal(index.score_mask(0), [1, 0, 0, 1, 0, 1, 0, 1, 0])
    assert index.valid_mask(0).all()


def test_values_of_masks():
    index = build_window_index([10], T, stride=STRIDE, tail='pad')
    np.testing.assert_array_equal(index.valid_mask(1), [1] * 6 + [0] * 3)
    # Frames 4 to 8 belong to the first window, 9 is new, the rest is padding.
    np.testing.assert_array_equal(index.score_mask(1), [0] * 5 + [1] + [0] * 3)
    index = build_window_index([3], T, short='pad')
    np.testing.assert_array_equal(index.valid_mask(0), [1] * 3 + [0] * 6)
    np.testing.assert_array_equal(index.score_mask(0), [1] * 3 + [0] * 6)


def test_sequences_do_not_mix():
    assert _ids([10, 0, 3, 9], tail='last_window') == [
        _run(0, 9),
        _run(1, 10),
        (2, 0, 1, 2, 2, 2, 2, 2, 2, 2),
        _run(0, 9, sequence=3),
    ]
    assert len(build_window_index([], T)) == 0
    assert len(build_window_index([0, 0], T)) == 0


@pytest.mark.parametrize('tail', TAILS)
@pytest.mark.parametrize('short', SHORTS)
def test_each_frame_is_scored_once(tail, short):
    rng = np.random.default_rng(0)
    for seq_len in (1, 2, 7, 16):
        for stride in (1, 2, 5, seq_len, seq_len + 3):
            lengths = rng.integers(0, 5 * seq_len, size=30)
            index = build_window_index(
                lengths, seq_len, stride=stride, tail=tail, short=short
            )
            counts, covered = _scores(index, lengths)
            np.testing.assert_array_equal(counts, covered)
            if stride <= seq_len and tail != 'drop' and short != 'drop':
                assert covered.all()
            starts, sequences = index.start, index.sequence
            assert (np.diff(sequences) >= 0).all()
            same = np.diff(sequences) == 0
            assert (np.diff(starts)[same] > 0).all()
            assert (starts + index.frames <= lengths[sequences]).all()
            assert (index.frames >= 1).all()


def test_dropped_tail_is_shorter_than_a_stride():
    lengths = np.arange(T, 60)
    index = build_window_index(lengths, T, stride=STRIDE, tail='drop')
    assert (index.frames == T).all()
    ends = np.zeros(len(lengths), dtype=int)
    np.maximum.at(ends, index.sequence, index.start + T)
    assert ((lengths - ends >= 0) & (lengths - ends < STRIDE)).all()


def test_independent_of_seeds():
    lengths = [5, 300, 40, 81]
    indices = []
    for seed in (0, 1):
        np.random.seed(seed)
        indices.append(build_window_index(lengths, 81, stride=27, short='stretch'))
    first, second = ([i.frame_ids(w) for w in range(len(i))] for i in indices)
    np.testing.assert_array_equal(first, second)


def test_take():
    index = build_window_index([40], T, stride=STRIDE)
    assert index.take(3).start.tolist() == [0, 4, 8]
    assert index.take(-2).start.tolist() == index.start[-2:].tolist()
    assert index.take([5, 1]).start.tolist() == [20, 4]
    assert len(index.take([])) == 0
    part = index.take([5, 1])
    np.testing.assert_array_equal(part.score_mask(0), index.score_mask(5))


def test_save_and_load(tmp_path):
    index = build_window_index([5, 300, 0, 81], 81, stride=27, short='stretch')
    array_file, header_file = save_index(tmp_path / 'sub' / 'test.81', index)
    assert [array_file.name, header_file.name] == ['test.81.npy', 'test.81.json']
    assert np.load(array_file, allow_pickle=False).shape == (len(index), 7)
    again = load_index(tmp_path / 'sub' / 'test.81')
    assert again.seq_len == 81 and again.stretched.dtype == bool
    for window in range(len(index)):
        for part in ('frame_ids', 'valid_mask', 'score_mask'):
            np.testing.assert_array_equal(
                getattr(again, part)(window), getattr(index, part)(window)
            )


def test_invalid_files(tmp_path):
    path = tmp_path / 'index'
    with pytest.raises(FileNotFoundError, match='index.npy is missing'):
        load_index(path)
    array_file, header_file = save_index(path, build_window_index([20], T))
    header = json.loads(header_file.read_text())
    header_file.write_text(json.dumps({**header, 'schema_version': 1}))
    with pytest.raises(ValueError, match='write the index again'):
        load_index(path)
    header_file.write_text(json.dumps(header))
    np.save(array_file, np.zeros((1, 7), dtype=np.int64))
    with pytest.raises(ValueError, match='write the index again'):
        load_index(path)
    np.save(array_file, np.array([None]), allow_pickle=True)
    with pytest.raises(ValueError, match='cannot be read'):
        load_index(path)


class TestCentreIndex:
    def test_values(self):
        """Length 4, windows of 5: the first and the last frame are repeated."""
        valid = [np.array([True, False, True, True])]
        index = build_centre_index(valid, 5)
        assert [index.frame_ids(w).tolist() for w in range(len(index))] == [
            [0, 0, 0, 1, 2],
            [0, 1, 2, 3, 3],
            [1, 2, 3, 3, 3],
        ]
        assert [index.valid_mask(w).tolist() for w in range(3)] == [
            [False, False, True, True, True],
            [True, True, True, True, False],
            [True, True, True, False, False],
        ]
        for window in range(3):
            assert index.score_mask(window).tolist() == [0, 0, 1, 0, 0]

    @pytest.mark.parametrize('seq_len', [1, 2, 3, 8, 9, 40])
    def test_each_valid_frame_is_scored_once(self, seq_len):
        rng = np.random.default_rng(seq_len)
        lengths = [30, 0, 1, 7, 12]
        valid = [rng.random(n) < 0.4 for n in lengths]
        index = build_centre_index(valid, seq_len)
        counts, _ = _scores(index, lengths)
        np.testing.assert_array_equal(counts, np.concatenate(valid))
        for w in range(len(index)):
            ids, length = index.frame_ids(w), lengths[index.sequence[w]]
            centre = ids[seq_len // 2]
            expected = np.clip(
                centre + np.arange(seq_len) - seq_len // 2, 0, length - 1
            )
            np.testing.assert_array_equal(ids, expected)
            inside = centre + np.arange(seq_len) - seq_len // 2
            np.testing.assert_array_equal(
                index.valid_mask(w), (inside >= 0) & (inside < length)
            )

    def test_no_valid_frame(self):
        assert len(build_centre_index([np.zeros(5, bool)], 3)) == 0
        assert len(build_centre_index([], 3)) == 0

    def test_take_and_save(self, tmp_path):
        index = build_centre_index([np.ones(6, bool)], 5).take([0, 5])
        save_index(tmp_path / 'centre', index)
        again = load_index(tmp_path / 'centre')
        assert again.centred.dtype == bool and again.centred.all()
        for w in range(2):
            for part in ('frame_ids', 'valid_mask', 'score_mask'):
                np.testing.assert_array_equal(
                    getattr(again, part)(w), getattr(index, part)(w)
                )

    def test_invalid(self):
        with pytest.raises(ValueError, match='at least 1, got 0'):
            build_centre_index([np.ones(3, bool)], 0)


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(tail='keep'), "tail must be one of .* got 'keep'"),
        (dict(short='keep'), "short must be one of .* got 'keep'"),
        (dict(stride=0), 'at least 1, got 9 and 0'),
        (dict(seq_len=0), 'at least 1, got 0'),
        (dict(lengths=[3, -1]), 'non-negative'),
        (dict(lengths=[[3]]), 'non-negative'),
    ],
)
def test_invalid(options, message):
    arguments = {'lengths': [20], 'seq_len': T, **options}
    with pytest.raises(ValueError, match=message):
        build_window_index(**arguments)
