"""The rule on curves like those of the toy runs that it was chosen on."""

import numpy as np
import pytest

from mmpose_ext.engine.collapse_detector import CollapseDetector, CollapseRule

STEPS = range(60, 2401, 60)

# Labelled response at the end, ratio at its maximum and at the end: from six collapsed
# and four healthy runs of 2,400 steps.
COLLAPSED = {
    'naive 1': (0.76, 0.35),
    'naive 2': (0.76, 0.28),
    'easy-easy 1': (0.70, 0.36),
    'easy-easy 2': (0.70, 0.33),
    'hard-easy 1': (0.73, 0.31),
    'hard-easy 2': (0.73, 0.16),
}
HEALTHY = {
    'easy-hard 1': (0.72, 0.59),
    'easy-hard 2': (0.72, 0.60),
    'easy-hard, EMA 1': (0.72, 0.63),
    'easy-hard, EMA 2': (0.72, 0.63),
}


def curves(labelled, ratio, *, gap, noise=0.02, seed=0):
    """A labelled response that rises and a ratio that falls from 0.75 to its end."""
    rng = np.random.default_rng(seed)
    for step in STEPS:
        high = labelled * (1 - np.exp(-step / 400))
        rho = ratio + (0.75 - ratio) / (1 + np.exp((step - 1100) / 150))
        teacher = high * (rho + rng.normal(0, noise))
        yield step, high, teacher, teacher - gap


def events_of(rows, **rule):
    detector = CollapseDetector(CollapseRule(**rule))
    events = [(row[0], detector.update(*row)) for row in rows]
    return [pair for pair in events if pair[1]], detector


@pytest.mark.parametrize('name', COLLAPSED)
def test_collapsed(name):
    events, detector = events_of(curves(*COLLAPSED[name], gap=-0.015))
    ((step, event),) = events
    assert event == 'collapse' and 1080 <= step <= 1860
    assert detector.gap < 0
    assert detector.rho == pytest.approx(COLLAPSED[name][1], abs=0.04)


@pytest.mark.parametrize('name', HEALTHY)
def test_healthy(name):
    events, detector = events_of(curves(*HEALTHY[name], gap=0.1))
    assert not events and not detector.collapsed
    assert detector.gap == pytest.approx(0.1)


def test_values():
    """Exponential mean, maximum, burn-in and the labelled response by hand."""
    detector = CollapseDetector(CollapseRule(burn_in=100))
    assert detector.update(100, 0.5, 0.4, 0.3) is None and detector.rho is None
    assert detector.update(150, 0.2, 0.2, 0.1) is None and detector.rho is None
    assert detector.flag is None
    detector.update(200, 0.5, 0.4, 0.3)
    assert detector.rho == pytest.approx(0.8) and detector.gap == pytest.approx(0.1)
    detector.update(250, 0.5, 0.1, 0.2)
    assert detector.rho == pytest.approx(0.8 * 0.8 + 0.2 * 0.2)
    assert detector.gap == pytest.approx(0.8 * 0.1 - 0.2 * 0.1)
    assert (detector.peak, detector.peak_step) == (pytest.approx(0.8), 200)
    assert detector.flag == pytest.approx(0.48)
    before = detector.state_dict()
    assert detector.update(300, float('nan'), 0.1, 0.2) is None
    assert detector.state_dict() == before


def test_once_a_collapse():
    """Falls, stays low with noise about the flag, recovers, falls again."""
    ratios = [0.8] * 10 + [0.1] * 10 + [0.47, 0.5] * 10 + [0.8] * 10 + [0.1] * 10
    rows = [(400 + 50 * i, 0.5, 0.5 * r, 0.4) for i, r in enumerate(ratios)]
    events, _ = events_of(rows)
    assert [name for _, name in events] == ['collapse', 'recovery', 'collapse']
    assert 400 + 50 * 40 <= events[1][0]


def test_resumed():
    rows = list(curves(0.76, 0.28, gap=-0.01))
    expected, whole = events_of(rows)
    for cut in (3, 15, 30):
        first = CollapseDetector(CollapseRule())
        events = [(row[0], first.update(*row)) for row in rows[:cut]]
        second = CollapseDetector(CollapseRule())
        second.load_state_dict(first.state_dict())
        events += [(row[0], second.update(*row)) for row in rows[cut:]]
        assert [pair for pair in events if pair[1]] == expected
        assert second == whole


def test_invalid():
    for options in (
        dict(threshold=0.8, recovery=0.7),
        dict(threshold=0.0),
        dict(smoothing=1.0),
        dict(burn_in=-1),
        dict(min_labelled=-0.1),
    ):
        with pytest.raises(ValueError, match=next(iter(options))):
            CollapseRule(**options)
