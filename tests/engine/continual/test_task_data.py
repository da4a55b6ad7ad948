"""Noise and rehearsal of tasks, as configs say it."""

import pytest

from mmpose_ext.engine.continual.task_data import check_noise, remembered

DATASET = dict(modalities=('rgb', 'lidar', 'mmwave', 'wifi'))


def test_values():
    noise = check_noise(dict(order=('wifi', 'rgb'), ratio=0.2), 4, DATASET)
    assert noise['modalities'] == [None, 'wifi', 'rgb', 'wifi']
    explicit = check_noise(dict(modalities=('none', 'rgb'), ratio=0.2), 2, DATASET)
    assert explicit['modalities'] == [None, 'rgb']
    assert check_noise(None, 2, DATASET)['modalities'] == [None, None]
    single = check_noise(dict(order=('wifi',), ratio=0.2), 1, DATASET)
    assert single['modalities'] == [None]


def test_a_ratio_of_nothing_is_no_noise():
    for given in (dict(order=('wifi',)), dict(modalities=('none', 'wifi'))):
        assert check_noise(dict(ratio=0.0, **given), 2, DATASET)['modalities'] == [
            None,
            None,
        ]


def test_rehearsal():
    assert remembered(100, 5, seed=3) == remembered(100, 5, seed=3)
    assert set(remembered(10, 99, seed=0, among=[2, 4])) == {2, 4}


@pytest.mark.parametrize(
    ('noise', 'message'),
    [
        (dict(modalities=(None, 'rgb', 'rgb')), '3 entries for 2 tasks'),
        (dict(order=('rgb',), ratio=1.0), r'ratio=1.0 in \[0, 1\)'),
        (dict(order=('lidar',), ratio=0.2), r"noise on \['lidar'\]"),
        (dict(kind='raw', ratio=0.4), 'ratio=0.4, but no modality is named'),
        (dict(modalities=('none', None), ratio=0.4), 'no modality is named'),
        (dict(order=('rgb',), ration=0.4), r"no option \['ration'\]; it takes"),
    ],
    ids=str,
)
def test_invalid(noise, message):
    with pytest.raises(ValueError, match=message):
        check_noise(noise, 2, dict(modalities=('rgb', 'wifi')))
