"""Protocols and splits of MM-Fi: the toolbox's tables, its order, bad input."""

import numpy as np
import pytest

from mmpose_ext.datasets.mmfi_layout import (
    ACTIONS,
    PROTOCOLS,
    SUBJECTS,
    environment_of,
    frame_name,
    sequence_name,
)
from mmpose_ext.datasets.mmfi_splits import (
    SPLITS,
    actions_of,
    random_split,
    split_mmfi,
)

# For each place in the list of actions, the people of validation at 0.8, and those that
# join them at 0.75, as the public toolbox draws them.
GOLDEN = """
1 4 7 10 20 22 24 39 + 25 32
1 6 9 10 12 13 16 38 + 2 17
8 9 12 16 19 23 32 36 + 22 40
1 4 9 11 20 22 25 34 + 24 36
1 2 4 6 9 10 24 31 + 22 38
9 10 15 17 28 31 36 38 + 8 13
2 10 11 16 17 21 26 36 + 12 14
4 5 15 20 24 26 29 36 + 9 39
4 6 9 11 20 21 22 27 + 13 28
2 23 28 29 30 34 39 40 + 1 33
1 10 16 26 29 30 34 37 + 18 27
8 13 14 17 18 26 28 34 + 19 25
3 4 7 12 13 23 28 36 + 18 21
3 11 14 17 19 26 27 35 + 10 39
8 11 13 17 23 25 27 29 + 24 26
1 6 8 9 12 13 28 29 + 22 23
2 5 6 17 31 32 33 38 + 25 27
5 7 8 16 21 23 32 38 + 2 15
3 6 9 18 20 25 35 39 + 16 22
3 6 11 20 23 30 32 35 + 2 37
10 16 21 27 29 32 36 39 + 12 23
5 9 10 11 16 21 35 36 + 28 33
1 5 9 19 21 30 32 37 + 15 29
10 13 20 26 27 28 32 39 + 7 40
1 2 4 16 18 24 35 36 + 5 33
5 9 16 24 26 27 29 40 + 21 30
2 5 7 14 18 20 27 33 + 24 38
""".split('\n')[1:-1]
# Frames of training and validation with 297 a sequence.
FRAMES = {
    (1, 0.8): (133056, 33264),
    (1, 0.75): (124740, 41580),
    (2, 0.8): (123552, 30888),
    (2, 0.75): (115830, 38610),
    (3, 0.8): (256608, 64152),
    (3, 0.75): (240570, 80190),
}


def people_of(part, action):
    return sorted(int(s[1:]) for s, actions in part.items() if action in actions)


def num_frames(parts):
    return tuple(297 * sum(map(len, parts[name].values())) for name in ('train', 'val'))


class TestRandom:
    @pytest.mark.parametrize('position', range(27))
    def test_values(self, position):
        at_80, more = (
            [int(number) for number in part.split()]
            for part in GOLDEN[position].split('+')
        )
        action = list(ACTIONS)[position]
        val = random_split(actions_of(3), ratio=0.8)['val']
        assert people_of(val, action) == at_80
        val = random_split(actions_of(3), ratio=0.75)['val']
        assert people_of(val, action) == sorted(at_80 + more)

    def test_by_place_in_the_list(self):
        """A02 comes first in protocol 1 and second in protocol 3."""
        for protocol, row in ((1, GOLDEN[0]), (3, GOLDEN[1])):
            val = random_split(actions_of(protocol))['val']
            assert people_of(val, 'A02') == [int(n) for n in row.split('+')[0].split()]

    def test_seed_shifts_the_table(self):
        val = random_split(['A05'], seed=3)['val']
        assert people_of(val, 'A05') == [
            int(n) for n in GOLDEN[3].split('+')[0].split()
        ]

    @pytest.mark.parametrize(('protocol', 'ratio'), FRAMES)
    def test_sizes(self, protocol, ratio):
        parts = random_split(actions_of(protocol), ratio=ratio)
        assert num_frames(parts) == FRAMES[protocol, ratio]

    def test_global_generator_is_left_alone(self):
        np.random.seed(7)
        expected = np.random.random()
        np.random.seed(7)
        random_split(actions_of(3))
        assert np.random.random() == expected

    def test_order(self):
        """People in the order in which they come up, action by action."""
        val = random_split(actions_of(1))['val']
        first = [1, 4, 7, 10, 20, 22, 24, 39]
        second = [6, 9, 12, 13, 16, 38]  # without 1 and 10, which were there
        names = [int(subject[1:]) for subject in val]
        assert names[:14] == first + second
        assert val['S01'][:2] == ('A02', 'A03')
        for actions in val.values():
            assert list(actions) == sorted(actions)

    @pytest.mark.parametrize('ratio', [0.0, 0.01, 1.0, -1, float('nan'), 1.2])
    def test_ratio(self, ratio):
        with pytest.raises(ValueError, match=r'ratio=.*such as 0\.8'):
            random_split(actions_of(1), ratio=ratio)

    def test_negative_seed(self):
        with pytest.raises(ValueError, match='split_seed=-1'):
            random_split(actions_of(1), seed=-1)


def test_cross_subject():
    parts = split_mmfi('cross_subject', actions_of(3))
    held_out = ['S05', 'S10', 'S15', 'S20', 'S25', 'S30', 'S35', 'S40']
    assert list(parts['val']) == held_out
    assert list(parts['train']) == [s for s in SUBJECTS if s not in held_out]
    assert num_frames(parts) == FRAMES[3, 0.8]


def test_cross_environment():
    parts = split_mmfi('cross_environment', actions_of(2))
    assert list(parts['val']) == [f'S{n}' for n in range(31, 41)]
    assert list(parts['train']) == list(SUBJECTS[:30])
    assert num_frames(parts) == FRAMES[2, 0.75]


def test_manual():
    parts = split_mmfi(
        'manual',
        actions_of(1),
        manual=dict(
            train=dict(subjects=['S03', 'S01'], actions=['A22', 'A01']),
            val=dict(subjects=['S02']),
        ),
    )
    # In the order of the lists; actions of no protocol may be named.
    assert parts['train'] == {'S03': ('A22', 'A01'), 'S01': ('A22', 'A01')}
    assert list(parts['train']) == ['S03', 'S01']
    assert parts['val'] == {'S02': actions_of(1)}
    assert (
        split_mmfi('manual', ['A01'], manual=dict(val=dict(actions=['A02'])))['train']
        == {}
    )


def test_one_name_without_a_list():
    """As the command line gives it."""
    lists = dict(train=dict(subjects='S01'), val=dict(subjects='S02', actions='A27'))
    parts = split_mmfi('manual', actions_of(1), manual=lists)
    assert parts == {'train': {'S01': actions_of(1)}, 'val': {'S02': ('A27',)}}


def test_empty_lists_mean_nobody():
    lists = dict(train=dict(subjects=[]), val=dict(subjects=['S01'], actions=[]))
    parts = split_mmfi('manual', actions_of(1), manual=lists)
    assert parts == {'train': {}, 'val': {'S01': ()}}


def test_manual_parts_that_overlap():
    lists = dict(train=dict(subjects=['S01', 'S02']), val=dict(subjects=['S02', 'S03']))
    with pytest.warns(UserWarning, match='14 of the 28 sequences .*E01_S02_A02'):
        split_mmfi('manual', actions_of(1), manual=lists)


def test_protocols():
    assert [len(PROTOCOLS[number]) for number in (1, 2, 3)] == [14, 13, 27]
    assert sorted(PROTOCOLS[1] + PROTOCOLS[2]) == list(PROTOCOLS[3]) == list(ACTIONS)


def test_names():
    assert [environment_of(s) for s in ('S01', 'S10', 'S11', 'S40')] == [
        *('E01', 'E01', 'E02', 'E04')
    ]
    assert sequence_name('S31', 'A27') == 'E04_S31_A27'
    assert frame_name('wifi', 7) == 'frame007.mat'
    with pytest.raises(ValueError, match="'S41'"):
        environment_of('S41')


@pytest.mark.parametrize('protocol', [0, 4, '1', 'protocol1', None])
def test_unknown_protocol(protocol):
    with pytest.raises(ValueError, match='expected 1 .*2 .*or 3'):
        actions_of(protocol)


@pytest.mark.parametrize('split', ['s1', 'random_split', None])
def test_unknown_split(split):
    with pytest.raises(ValueError, match=', '.join(f"'{name}'" for name in SPLITS)):
        split_mmfi(split, actions_of(1))


@pytest.mark.parametrize(
    ('split', 'manual', 'message'),
    [
        ('manual', None, r'manual=None.*subjects=\['),
        ('random', dict(train={}), 'the other splits take none'),
        ('manual', dict(test={}), r"unknown parts .*\['test'\].*'train', 'val'"),
        ('manual', dict(train=dict(people=['S01'])), r"manual\['train'\].*'people'"),
        ('manual', dict(train=dict(subjects=['S1'])), r"unknown subjects \['S1'\]"),
        ('manual', dict(val=dict(actions=['A28'])), r"unknown actions \['A28'\]"),
    ],
)
def test_manual_lists(split, manual, message):
    with pytest.raises(ValueError, match=message):
        split_mmfi(split, actions_of(1), manual=manual)
