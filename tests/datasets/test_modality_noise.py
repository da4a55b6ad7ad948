import numpy as np
import pytest

from mmpose_ext.datasets.modality_noise import (
    ColumnStatistics,
    NoiseRecipe,
    draw_noisy,
    draw_partners,
    phase_noise,
    raw_noise,
    read_recipes,
    sample_generator,
)


@pytest.mark.parametrize('size', [2, 3, 4, 39])
def test_partners_are_others(size):
    for seed in range(30):
        partners = draw_partners(size, seed)
        assert (partners != np.arange(size)).all()
        assert sorted(partners) == list(range(size))


def test_noisy_samples():
    assert draw_noisy(1000, 0.2, 0).sum() == 200
    assert draw_noisy(7, 0.4, 0).sum() == 3
    assert draw_noisy(0, 0.4, 0).shape == (0,)
    picked = np.mean([draw_noisy(20, 0.4, seed) for seed in range(400)], axis=0)
    assert np.abs(picked - 0.4).max() < 0.1, 'each sample as often as the others'


def test_generators_differ():
    draws = {sample_generator(seed, i).random() for seed in (0, 1) for i in range(50)}
    assert len(draws) == 100
    assert sample_generator(3, 4).random() == sample_generator(3, 4).random()


def test_statistics():
    arrays = [np.array([[[0.0, 10], [2, 30]]]), np.array([[[4.0, 20], [2, 20]]])]
    found = ColumnStatistics.of(arrays)
    assert found.mean.tolist() == [2, 20]
    np.testing.assert_allclose(found.std, [2**0.5, 50**0.5])
    assert found.low.tolist() == [0, 10] and found.high.tolist() == [4, 30]
    nothing = ColumnStatistics.of([np.empty((0, 5), np.float32)] * 2)
    assert nothing.mean.shape == nothing.high.shape == (5,)


def test_phase_fills_the_circle():
    clean = np.full((3, 114, 10), 0.3, np.float32)
    noise = phase_noise(clean, NoiseRecipe(), sample_generator(0, 0))
    assert np.abs(noise).max() < np.pi and noise.dtype == np.float32
    assert abs(np.exp(1j * noise).mean()) < 0.05
    little = NoiseRecipe('add', 0.1)
    noise = phase_noise(clean, little, sample_generator(0, 0)) - clean
    assert noise.std() == pytest.approx(0.1 * np.pi / 3**0.5, rel=0.05)


def test_constant_amplitude_stays():
    clean = np.zeros((3, 114, 10), np.float32)
    for recipe in (NoiseRecipe(), NoiseRecipe('add')):
        noise = raw_noise('wifi', clean, None, recipe, sample_generator(0, 0))
        assert np.array_equal(noise, clean)


def test_recipes():
    recipes = read_recipes(dict(lidar=dict(mode='add', strength=0.5)))
    assert recipes['lidar'] == NoiseRecipe('add', 0.5)
    assert recipes['rgb'] == NoiseRecipe('replace')
    for wrong in (
        dict(depth={}),
        dict(rgb=dict(mode='blur')),
        dict(rgb=dict(strength=0)),
        dict(rgb=dict(strength=float('nan'))),
        dict(rgb=dict(sigma=1)),
    ):
        with pytest.raises(ValueError, match='expected'):
            read_recipes(wrong)
