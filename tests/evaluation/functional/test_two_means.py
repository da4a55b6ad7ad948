import itertools

import pytest
import torch
from sklearn.cluster import KMeans

from mmpose_ext.evaluation.functional import strengths_by_score, two_means


@pytest.mark.parametrize(
    ('values', 'superior'),
    [
        ([20.0, 18.0, 3.0, 1.0], [True, True, False, False]),
        ([1.0, 20.0, 3.0, 2.0], [False, True, False, False]),
        ([1.0, 19.0, 20.0, 18.0], [False, True, True, True]),
        ([-3.0, -1.0], [False, True]),
        ([5.0, 5.0, 5.0, 5.0], [True] * 4),  # no cut
        ([4.0], [True]),
        ([0.0, 1.0, 2.0], [False, True, True]),  # a tie: the lower cut
        ([7.0, 7.0, 2.0, 7.0], [True, True, False, True]),
    ],
)
def test_values(values, superior):
    assert two_means(values).tolist() == superior
    assert two_means(torch.tensor(values)).tolist() == superior


def test_is_the_best_partition():
    """No other partition has less spread; K-Means with many starts finds the same."""
    generator = torch.Generator().manual_seed(0)
    for _ in range(30):
        values = torch.randn(5, generator=generator, dtype=torch.float64)
        found = two_means(values)
        spread = {
            mask: _spread(values, torch.tensor(mask))
            for mask in itertools.product([False, True], repeat=5)
            if any(mask) and not all(mask)
        }
        assert _spread(values, found) == pytest.approx(min(spread.values()))
        labels = KMeans(2, n_init=20, random_state=0).fit(values[:, None].numpy())
        top = labels.labels_ == labels.labels_[values.argmax()]
        assert found.tolist() == top.tolist()


def _spread(values, mask):
    return sum(
        (part - part.mean()).square().sum().item()
        for part in (values[mask], values[~mask])
    )


def test_strengths():
    scores = {'rgb': 20.0, 'lidar': 15.0, 'mmwave': 5.0, 'wifi': 0.0}
    assert strengths_by_score(scores, 0.5, 0.7) == {
        'rgb': 0.5,
        'lidar': 0.5,
        'mmwave': 0.7,
        'wifi': 0.7,
    }
    assert strengths_by_score(scores, 20_000, 10_000, 'continuous') == {
        'rgb': 20_000,
        'lidar': 17_500,
        'mmwave': 12_500,
        'wifi': 10_000,
    }
    for groups in ('two_means', 'continuous'):
        equal = strengths_by_score(dict.fromkeys(scores, 3.0), 1, 2, groups)
        assert set(equal.values()) == {1}


def test_invalid():
    with pytest.raises(ValueError, match='finite'):
        two_means([1.0, float('nan')])
    with pytest.raises(ValueError, match='one or more'):
        two_means([])
    with pytest.raises(ValueError, match="groups='soft'; expected one of"):
        strengths_by_score({'rgb': 1.0}, 1, 2, 'soft')
