"""The unrolled sampler is the sampler of the diffusion lifter."""

import pytest
import torch
import untrained
from mmengine.config import Config
from mmpose.registry import MODELS

from mmpose_ext.engine.onnx_diffusion_graphs import (
    DenoiserGraph,
    SamplerGraph,
    ddim_steps,
)
from mmpose_ext.geometry import FLIP_INDICES
from mmpose_ext.models.pose_diffusion import PoseDiffusion

FRAMES = 3


@pytest.fixture
def model():
    """Adapters and the bias of joints change what it predicts."""
    cfg = Config.fromfile(str(untrained.FIXTURES / 'tiny_posynda.py'))
    torch.manual_seed(0)
    model = MODELS.build(cfg.model).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if 'lora_' in name or name.startswith('bias.'):
                parameter.normal_(std=0.3)
    return model


def draw(model, keypoints, count, steps, *, flip):
    """Hypotheses of the model itself, and the noise that it drew."""
    model.sampling_steps = steps
    indices = list(FLIP_INDICES) if flip else None
    with torch.no_grad():
        poses = model.draw_hypotheses(
            keypoints, count, torch.Generator().manual_seed(5), indices
        )
    twin = torch.Generator().manual_seed(5)
    shape = (len(keypoints) * count, FRAMES, 17, 3)
    noise = [torch.randn(shape, generator=twin) for _ in range(steps)]
    return poses, torch.stack(noise, dim=1).unflatten(0, (-1, count))


@pytest.mark.parametrize('flip', [False, True])
@pytest.mark.parametrize('steps', [1, 4])
def test_sampler(model, steps, flip):
    keypoints = torch.rand(2, FRAMES, 17, 2) * 2 - 1
    expected, noise = draw(model, keypoints, 3, steps, flip=flip)
    expected = expected - expected[..., :1, :]
    graph = SamplerGraph(model, seq_len=FRAMES, flip_test=flip, sampling_steps=steps)
    assert not any('lora_' in name for name, _ in graph.named_parameters())
    assert graph.inputs['noise'] == ('batch', 'hypotheses', steps, FRAMES, 17, 3)
    with torch.no_grad():
        pose, hypotheses = graph(keypoints, noise)
    torch.testing.assert_close(hypotheses, expected, atol=1e-5, rtol=0)
    torch.testing.assert_close(pose, expected.mean(1), atol=1e-5, rtol=0)
    assert hypotheses.abs().max() > 0.1
    facts = graph.facts()
    assert (facts['task'], facts['sampling_steps']) == ('sample_poses', steps)
    assert facts['input_channels'] == ['x', 'y']


def test_denoiser(model):
    keypoints, noisy = torch.rand(2, FRAMES, 17, 2), torch.rand(2, FRAMES, 17, 3)
    timesteps = torch.tensor([3, 800])
    with torch.no_grad():
        expected = model.denoise(keypoints, noisy, timesteps)
        found = DenoiserGraph(model, seq_len=FRAMES)(keypoints, noisy, timesteps)
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=0)


def test_half(model):
    graph = SamplerGraph(model, seq_len=FRAMES)
    graph.to_half()
    assert graph.precision == torch.float16
    assert model.bias.bias.dtype == torch.float32


def test_steps_without_noise():
    """With eta 0 a pose that is clean already stays what it is."""
    steps = ddim_steps(PoseDiffusion(eta=0.0), 4)
    assert [step.timestep for step in steps] == [999, 749, 499, 249]
    diffusion = PoseDiffusion()
    for step, later in zip(steps[:-1], steps[1:], strict=True):
        here, after = (
            diffusion.scheduler.alphas_cumprod[s.timestep].sqrt().item()
            for s in (step, later)
        )
        assert step.fresh == 0
        # x_t = sqrt(a_t) x_0 without noise goes to x_s = sqrt(a_s) x_0.
        assert step.pose + step.noisy * here == pytest.approx(after, abs=1e-9)


def test_variance_of_steps():
    """Fresh and kept noise together have the variance of the next time step."""
    diffusion = PoseDiffusion(eta=1.0)
    steps = ddim_steps(diffusion, 5)
    kept = [float(diffusion.scheduler.alphas_cumprod[s.timestep]) for s in steps]
    for step, here, after in zip(steps, kept, kept[1:], strict=False):
        variance = step.noisy**2 * (1 - here) + step.fresh**2
        assert variance == pytest.approx(1 - after)
        assert step.fresh > 0


def test_invalid():
    with pytest.raises(ValueError, match='must divide 1000, got 7'):
        ddim_steps(PoseDiffusion(), 7)
