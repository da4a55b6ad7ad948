import sys

import pytest
import torch
from torch.testing import assert_close

from mmpose_ext.models.pose_diffusion import PoseDiffusion


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def kept(diffusion):
    """Cumulative alphas, which the sampler works with."""
    return diffusion.scheduler.alphas_cumprod


def test_schedule():
    """The cosine schedule, computed in double precision elsewhere."""
    diffusion = PoseDiffusion()
    betas = {0: 4.12842e-05, 500: 0.00315569, 998: 0.749999, 999: 0.999}
    alphas = {
        0: 0.99995872,
        250: 0.84588799,
        500: 0.49228517,
        750: 0.14317865,
        998: 2.4287669e-06,
        999: 2.4287669e-09,
    }
    for step, value in betas.items():
        assert float(diffusion.scheduler.betas[step]) == pytest.approx(value, rel=1e-4)
    for step, value in alphas.items():
        assert float(kept(diffusion)[step]) == pytest.approx(value, rel=1e-4)
        assert float(diffusion.signal[step]) ** 2 == pytest.approx(value, rel=1e-4)
        # The share of noise, too, is exact where almost nothing of it is there.
        noise = float(diffusion.noise[step]) ** 2
        assert noise == pytest.approx(1 - value, rel=3e-4)
    assert float(kept(PoseDiffusion(100))[99]) == pytest.approx(2.4285723e-07, rel=1e-4)
    assert float(kept(PoseDiffusion(500))[499]) == pytest.approx(9.715044e-09, rel=1e-4)


@pytest.mark.parametrize(
    ('count', 'steps'),
    [
        (1, [999]),
        (2, [999, 499]),
        (5, [999, 799, 599, 399, 199]),
        (10, list(range(999, 0, -100))),
    ],
)
def test_sampling_steps(count, steps):
    assert PoseDiffusion().sampling_steps(count) == steps


def test_add_noise():
    diffusion = PoseDiffusion()
    pose = torch.randn(3, 2, 17, 3, generator=generator()) * 0.3
    noise = torch.randn(pose.shape, generator=generator(1))
    steps = torch.tensor([0, 500, 999])
    noisy = diffusion.add_noise(pose, noise, steps)
    share = kept(diffusion)[steps].reshape(3, 1, 1, 1)
    expected = (share.sqrt() * pose + (1 - share).sqrt() * noise).clamp(-1.1, 1.1)
    assert_close(noisy, expected.float())
    assert noisy.abs().max() == 1.1
    far = (noise[2].abs() > 1.1).float().mean()
    assert far == pytest.approx(0.271, abs=0.1), 'pure noise, of which 27 % is clamped'


def test_one_step_is_one_call():
    diffusion = PoseDiffusion()
    calls = []

    def denoise(noisy, timesteps):
        calls.append((noisy, timesteps))
        return noisy * 2

    noise = torch.randn(4, 3, 17, 3, generator=generator())
    pose = diffusion.sample(denoise, noise, count=1, generator=generator())
    ((noisy, timesteps),) = calls
    assert timesteps.tolist() == [999] * 4
    assert torch.equal(noisy, noise.clamp(-1.1, 1.1))
    assert torch.equal(pose, (noisy * 2).clamp(-1.1, 1.1))


def test_first_of_two_steps():
    """What D3DP's sampler feeds into the second call, from its closed form."""
    diffusion = PoseDiffusion()
    seen = []

    def denoise(noisy, timesteps):
        seen.append(noisy)
        return torch.full_like(noisy, 0.25)

    noise = torch.randn(2, 1, 17, 3, generator=generator())
    diffusion.sample(denoise, noise, count=2, generator=generator(7))
    fresh = torch.randn(noise.shape, generator=generator(7))
    last, following = kept(diffusion)[999], kept(diffusion)[499]
    sigma = ((1 - following) / (1 - last) * (1 - last / following)).sqrt()
    direction = (1 - following - sigma**2).sqrt()
    assert float(sigma) == pytest.approx(0.711447, rel=1e-5)
    assert float(direction) == pytest.approx(3.55e-05, rel=1e-3)
    assert float(following.sqrt()) == pytest.approx(0.702740, rel=1e-5)
    guessed = (noise - last.sqrt() * 0.25) / (1 - last).sqrt()
    expected = following.sqrt() * 0.25 + direction * guessed + sigma * fresh
    assert_close(seen[1], expected.clamp(-1.1, 1.1).float())


def test_without_fresh_noise():
    """eta=0: a network that knows the truth leads to it along one path."""
    diffusion = PoseDiffusion(eta=0.0)
    truth = torch.rand(2, 1, 17, 3, generator=generator()) - 0.5
    noise = torch.randn(truth.shape, generator=generator(1))
    paths = []
    for seed in (0, 1):
        seen = []
        pose = diffusion.sample(
            lambda noisy, steps, seen=seen: seen.append(noisy) or truth,
            noise,
            count=5,
            generator=generator(seed),
        )
        assert torch.equal(pose, truth)
        paths.append(torch.stack(seen))
    assert torch.equal(*paths)


def test_many_steps_are_finite():
    diffusion = PoseDiffusion()
    noise = torch.randn(2, 2, 17, 3, generator=generator())
    for count in (4, 50, 1000):
        pose = diffusion.sample(
            lambda noisy, steps: 3 * noisy, noise, count=count, generator=generator()
        )
        assert pose.isfinite().all() and pose.abs().max() <= 1.1


def test_state():
    """Nothing of the schedule is in checkpoints; it moves with the model."""
    diffusion = PoseDiffusion()
    assert not diffusion.state_dict()
    assert diffusion.to(torch.float64).signal.dtype == torch.float64
    with torch.device('meta'):
        assert PoseDiffusion().sampling_steps(2) == [999, 499]


@pytest.mark.parametrize(
    'options', [dict(num_steps=0), dict(clip=0.0), dict(eta=1.5), dict(eta=-0.1)]
)
def test_invalid(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        PoseDiffusion(**options)


@pytest.mark.parametrize('count', [0, 7, 300, 1001])
def test_invalid_sampling_steps(count):
    with pytest.raises(ValueError, match='sampling_steps'):
        PoseDiffusion().sampling_steps(count)


def test_without_diffusers(monkeypatch):
    monkeypatch.setitem(sys.modules, 'diffusers', None)
    with pytest.raises(ImportError, match=r'mmpose-ext\[posynda\]'):
        PoseDiffusion()
