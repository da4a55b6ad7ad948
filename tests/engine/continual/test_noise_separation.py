"""The noisy modality, and the samples that it spoils."""

import numpy as np
import pytest

from mmpose_ext.engine.continual.noise_separation import NoiseSeparation


def test_identification():
    separation = NoiseSeparation()
    before = dict(rgb=20.0, lidar=15.0, mmwave=3.0, wifi=2.0)
    now = dict(rgb=18.0, lidar=10.0, mmwave=1.0, wifi=2.5)
    assert separation.identify(before, now) == 'lidar'
    assert NoiseSeparation(relative=True).identify(before, now) == 'mmwave'
    assert separation.superior(before) == ['rgb', 'lidar']
    assert separation.superior(dict.fromkeys(before, 1.0)) == []
    assert NoiseSeparation(gradient_stop=False).superior(before) == []


def test_scores_before():
    history = [dict(rgb=20.0, wifi=2.0), dict(rgb=24.0, wifi=1.0)]
    assert NoiseSeparation().scores_before(history) == dict(rgb=22.0, wifi=1.5)
    last = NoiseSeparation(reference='last')
    assert last.scores_before(history) == history[-1]
    now = dict(rgb=22.8, wifi=0.5)
    assert NoiseSeparation().identify(last.scores_before(history), now) == 'rgb'
    before = NoiseSeparation().scores_before(history)
    assert NoiseSeparation().identify(before, now) == 'wifi'


def heaps(low, high):
    """Losses of two heaps, far apart."""
    rng = np.random.default_rng(0)
    return np.concatenate([rng.normal(0.1, 0.01, low), rng.normal(0.9, 0.02, high)])


def test_separation_keeps_enough():
    losses = heaps(10, 90)
    lost = NoiseSeparation(min_clean=0)
    mixture = lost.separate(losses, seed=0)
    assert mixture.clean.sum() == 10
    assert lost.remarks(mixture) == []
    separation = NoiseSeparation(min_clean=0.5)
    mixture = separation.separate(losses, seed=0)
    assert mixture.clean[losses.argsort()[:50]].all()
    assert mixture.clean.sum() == 50
    (remark,) = separation.remarks(mixture)
    assert remark.startswith('10 of 100 samples are likely clean')
    assert 'min_clean=0.5; the 50 of least loss' in remark


def test_remarks():
    separation = NoiseSeparation()
    (remark,) = separation.remarks(separation.separate(np.ones(50), seed=0))
    assert 'cannot be told apart; all samples count as clean' in remark
    mixture = separation.separate(heaps(1975, 25), seed=0)
    assert separation.remarks(mixture) == []
    mixture.clean[mixture.normalised.argsort()[:-15]] = True
    mixture.clean_probability[mixture.clean] = 1.0
    (remark,) = separation.remarks(mixture)
    assert remark.startswith('only 15 of 2000 samples count as noisy')


def test_invalid():
    for options in (
        dict(fit_epochs=-1),
        dict(threshold=1.0),
        dict(min_clean=2),
        dict(reference='first'),
    ):
        with pytest.raises(ValueError, match='separation'):
            NoiseSeparation(**options)
