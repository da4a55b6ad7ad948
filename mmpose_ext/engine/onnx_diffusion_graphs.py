"""Diffusion lifters as functions of tensors: the sampler, and one call alone."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import torch
from torch import Tensor

from mmpose_ext.engine.onnx_graph import BATCH, HYPOTHESES
from mmpose_ext.engine.onnx_lifter_graph import LifterGraph
from mmpose_ext.geometry import FLIP_INDICES
from mmpose_ext.models.layers.cross_dataset_bias import CrossDatasetBias
from mmpose_ext.models.layers.low_rank_adaptation import merge_adapters
from mmpose_ext.models.pose_diffusion import PoseDiffusion


class SamplerGraph(LifterGraph):
    """A diffusion lifter with all its sampling steps, from noise that is given.

    The noise ``(B, H, S, T, K, 3)`` is standard normal: what each hypothesis starts
    from and, for the S - 1 steps after the first, what is added before the step.

    Args:
        model: A ``DiffusionLifter``, such as PoSynDA's; adapters are merged into the
            weights, in place.
        seq_len: Frames of a window, T.
        flip_test: Average with the prediction of the mirrored input in each step; as
            the config says, if ``None``.
        sampling_steps: Calls of the network S; as the config says, if ``None``.
    """

    outputs = ('pose', 'hypotheses')

    def __init__(
        self,
        model: Any,
        *,
        seq_len: int,
        flip_test: bool | None = None,
        sampling_steps: int | None = None,
    ) -> None:
        super().__init__(model, seq_len=seq_len, flip_test=flip_test)
        merge_adapters(model.backbone)
        self.steps = ddim_steps(model.diffusion, sampling_steps or model.sampling_steps)
        noise = (len(self.steps), *self.window(3)[1:])
        self.inputs['noise'] = (BATCH, HYPOTHESES, *noise)

    def forward(self, *inputs: Tensor) -> tuple[Tensor, Tensor]:
        """Sample.

        Args:
            inputs: Keypoints ``(B, T, K, 2)`` and noise ``(B, H, S, T, K, 3)``.

        Returns:
            Mean of the hypotheses ``(B, T, K, 3)`` and all of them
            ``(B, H, T, K, 3)``, relative to the root.
        """
        keypoints, noise = inputs
        count, clamp = noise.shape[1], self.model.diffusion.clamp
        repeated = keypoints[:, None].expand(-1, count, -1, -1, -1).flatten(0, 1)
        flip_indices = list(FLIP_INDICES) if self.flip_test else None
        denoise = self.model.denoiser(repeated.to(self.precision), flip_indices)
        start, *fresh = noise.flatten(0, 1).unbind(1)
        noisy = start
        for number, step in enumerate(self.steps):
            times = torch.full_like(start[:, 0, 0, 0], step.timestep, dtype=torch.long)
            pose = clamp(denoise(clamp(noisy).to(self.precision), times).float())
            if number < len(fresh):
                noisy = step.pose * pose + step.noisy * noisy
                noisy = noisy + step.fresh * fresh[number]
        hypotheses = self.minus_root(pose.unflatten(0, (-1, count)))
        return hypotheses.mean(1), hypotheses

    def draw(
        self, name: str, shape: tuple[int, ...], generator: torch.Generator
    ) -> Tensor:
        """See :class:`OnnxGraph`."""
        if name == 'noise':
            return torch.randn(shape, generator=generator)
        return super().draw(name, shape, generator)

    def facts(self) -> dict[str, Any]:
        """See :class:`LifterGraph`; also how many hypotheses the config asks for."""
        return {
            **super().facts(),
            'task': 'sample_poses',
            'hypotheses': self.model.num_hypotheses,
            'sampling_steps': len(self.steps),
        }

    def to_half(self) -> None:
        """See :class:`OnnxGraph`; the bias of joints is added in float32."""
        super().to_half()
        if isinstance(getattr(self.model, 'bias', None), CrossDatasetBias):
            self.model.bias.float()


class DenoiserGraph(LifterGraph):
    """One call of a diffusion lifter's network, for a sampler of one's own.

    Args:
        model: See :class:`SamplerGraph`.
        seq_len: Frames of a window, T.
    """

    def __init__(self, model: Any, *, seq_len: int) -> None:
        super().__init__(model, seq_len=seq_len, flip_test=False)
        merge_adapters(model.backbone)
        self.inputs |= {'noisy': self.window(3), 'timesteps': (BATCH,)}

    def forward(self, *inputs: Tensor) -> Tensor:
        """Denoise.

        Args:
            inputs: Keypoints ``(B, T, K, 2)``, noisy poses ``(B, T, K, 3)``, clamped,
                and time steps ``(B,)``.

        Returns:
            Clean poses ``(B, T, K, 3)``, before clamping; the root is not at zero.
        """
        keypoints, noisy, timesteps = inputs
        keypoints, noisy = keypoints.to(self.precision), noisy.to(self.precision)
        return self.model.denoise(keypoints, noisy, timesteps).float()

    def draw(
        self, name: str, shape: tuple[int, ...], generator: torch.Generator
    ) -> Tensor:
        """See :class:`OnnxGraph`."""
        if name == 'timesteps':
            steps = self.model.diffusion.num_steps
            return torch.randint(steps, shape, generator=generator)
        return super().draw(name, shape, generator)

    def facts(self) -> dict[str, Any]:
        """See :class:`LifterGraph`; also the noise schedule."""
        diffusion = self.model.diffusion
        return {
            **super().facts(),
            'task': 'denoise_poses',
            'frame': 'camera axes (x right, y down, z forward)',
            'clip': diffusion.clip,
            'alphas_cumprod': diffusion.scheduler.alphas_cumprod.tolist(),
        }


class DdimStep(NamedTuple):
    """A sampling step; the three factors make the noisy pose of the next one.

    Attributes:
        timestep: What the network is told.
        pose: Factor of the clean pose that the network predicts.
        noisy: Factor of the noisy pose that it saw, before clamping.
        fresh: Factor of fresh noise.
    """

    timestep: int
    pose: float
    noisy: float
    fresh: float


def ddim_steps(diffusion: PoseDiffusion, count: int) -> list[DdimStep]:
    """The sampler of :class:`PoseDiffusion` as numbers (DDIM, ICLR 2021, Eq. 12).

    Args:
        diffusion: Schedule and share of fresh noise.
        count: Sampling steps.

    Raises:
        ValueError: If the count does not divide the steps of the diffusion.
    """
    timesteps = diffusion.sampling_steps(count)
    kept = [float(diffusion.scheduler.alphas_cumprod[step]) for step in timesteps]
    steps = []
    for timestep, here, after in zip(timesteps, kept, [*kept[1:], 1.0], strict=True):
        variance = (1 - after) / (1 - here) * (1 - here / after)
        fresh = diffusion.eta * math.sqrt(variance)
        towards = math.sqrt(max(1 - after - fresh**2, 0.0)) / math.sqrt(1 - here)
        pose = math.sqrt(after) - towards * math.sqrt(here)
        steps.append(DdimStep(timestep, pose, towards, fresh))
    return steps
