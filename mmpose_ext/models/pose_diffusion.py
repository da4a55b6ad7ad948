"""Diffusion of root-relative poses: the noise schedule and the sampler."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

Denoise = Callable[[Tensor, Tensor], Tensor]
"""From noisy poses ``(N, T, K, 3)`` and time steps ``(N,)`` to clean poses."""


class PoseDiffusion(nn.Module):
    """Cosine schedule and DDIM sampler of D3DP, on the scheduler of ``diffusers``.

    The network predicts the clean pose. What it sees, noise included, is clamped to
    ``clip``, and so is what it predicts: nobody's joints are further from the pelvis.
    Source: Shan et al., ICCV 2023, section 3; PoSynDA, section 3.4.

    Args:
        num_steps: Steps of the diffusion.
        clip: Bound of all coordinates, metres.
        eta: Share of fresh noise in each sampling step: 1 as in D3DP, 0 for none.

    Raises:
        ImportError: If ``diffusers`` is not installed.
        ValueError: If a number is out of range.
    """

    signal: Tensor
    noise: Tensor

    def __init__(
        self, num_steps: int = 1000, *, clip: float = 1.1, eta: float = 1.0
    ) -> None:
        super().__init__()
        if num_steps < 1 or clip <= 0 or not 0 <= eta <= 1:
            raise ValueError(
                'num_steps must be at least 1, clip above 0 and eta in [0, 1], got '
                f'{num_steps=}, {clip=}, {eta=}'
            )
        self.num_steps, self.clip, self.eta = num_steps, clip, eta
        self.scheduler = _ddim_scheduler(num_steps, clip)
        kept = self.scheduler.alphas_cumprod
        self.register_buffer('signal', kept.sqrt().float(), persistent=False)
        self.register_buffer('noise', (1 - kept).sqrt().float(), persistent=False)

    @property
    def last_step(self) -> int:
        """The step of pure noise."""
        return self.num_steps - 1

    def sampling_steps(self, count: int) -> list[int]:
        """Time steps from pure noise on, evenly spaced.

        Raises:
            ValueError: If the count does not divide the steps of the diffusion, where
                time steps and noise levels of the scheduler would not fit.
        """
        if count < 1 or self.num_steps % count:
            raise ValueError(
                f'sampling_steps must divide {self.num_steps}, got {count}'
            )
        self.scheduler.set_timesteps(count)
        return self.scheduler.timesteps.tolist()

    def clamp(self, pose: Tensor) -> Tensor:
        """Poses with all coordinates in ``[-clip, clip]``."""
        return pose.clamp(-self.clip, self.clip)

    def add_noise(self, pose: Tensor, noise: Tensor, timesteps: Tensor) -> Tensor:
        """Draw from the forward process (Eq. 7), clamped as the network sees it.

        Args:
            pose: Clean poses ``(N, T, K, 3)``, metres.
            noise: Standard normal, same shape.
            timesteps: Time step of each sample, ``(N,)``.
        """
        signal, spread = (
            part[timesteps].reshape(-1, *[1] * (pose.dim() - 1))
            for part in (self.signal, self.noise)
        )
        return self.clamp(signal * pose + spread * noise)

    def sample(
        self,
        denoise: Denoise,
        noise: Tensor,
        *,
        count: int,
        generator: torch.Generator,
    ) -> Tensor:
        """Denoise pure noise.

        Args:
            denoise: The network.
            noise: Standard normal, ``(N, T, K, 3)``.
            count: Sampling steps; with one, a single call of the network.
            generator: For the fresh noise of each step.

        Returns:
            Clean poses ``(N, T, K, 3)``.
        """
        noisy, steps = noise, self.sampling_steps(count)
        for step in steps:
            timesteps = torch.full((len(noise),), step, device=noise.device)
            pose = self.clamp(denoise(self.clamp(noisy), timesteps).to(noise.dtype))
            if step == steps[-1]:
                break
            fresh = torch.randn(noise.shape, generator=generator, dtype=noise.dtype)
            noisy = self.scheduler.step(
                pose,
                step,
                noisy,
                eta=self.eta,
                variance_noise=fresh.to(noise.device, non_blocking=True),
            ).prev_sample
        return pose


def _ddim_scheduler(num_steps: int, clip: float) -> Any:
    try:
        from diffusers import DDIMScheduler
    except ImportError as error:
        raise ImportError(
            'diffusion lifters need diffusers: pip install "mmpose-ext[posynda]"'
        ) from error
    with torch.device('cpu'):  # the table stays there, whatever device is the default
        scheduler: Any = DDIMScheduler(
            num_train_timesteps=num_steps,
            beta_schedule='squaredcos_cap_v2',
            prediction_type='sample',
            timestep_spacing='trailing',
            clip_sample_range=clip,
        )
    # In float32 the first sampling steps take the root of a negative number.
    scheduler.alphas_cumprod = (1 - scheduler.betas.double()).cumprod(0)
    return scheduler
