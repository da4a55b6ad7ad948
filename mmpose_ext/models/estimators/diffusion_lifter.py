"""A lifter that denoises 3D poses, given the 2D ones."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import torch
from mmpose.registry import MODELS
from torch import Tensor

from mmpose_ext.geometry import choose_joints, reprojection_errors, solve_root
from mmpose_ext.models.estimators.sequence_lifter import (
    Inputs,
    SequenceLifter,
    flip_poses,
)
from mmpose_ext.models.heads.lifting_head import stack_labels, stack_scale
from mmpose_ext.models.normalized_cameras import NormalizedCameras
from mmpose_ext.models.pose_diffusion import Denoise, PoseDiffusion
from mmpose_ext.models.step_generator import run_seed, step_generator

AGGREGATIONS = ('mean', 'joint')


@MODELS.register_module()
class DiffusionLifter(SequenceLifter):
    """Diffusion over root-relative poses, conditioned on 2D (D3DP, ICCV 2023).

    The denoiser is the backbone, which takes 2D keypoints and noisy poses joint by
    joint and the time step, and the head. Training denoises the label at a random
    time step; inference starts from pure noise, H times, and combines the hypotheses.

    Poses are in the codec's units, which must be metres or near: noise has standard
    deviation 1 and coordinates are clamped to ``clip``.

    Args:
        diffusion: Options of :class:`~mmpose_ext.models.pose_diffusion.PoseDiffusion`.

    Args of ``train_cfg``:
        flip_prob: Probability of mirroring a training window (default 0).

    Args of ``test_cfg``:
        num_hypotheses: Hypotheses H (default 1).
        sampling_steps: Calls of the network for each, K (default 1).
        aggregation: ``'mean'`` averages the hypotheses (P-Agg, default); ``'joint'``
            takes for each joint the one that projects nearest to the 2D (J-Agg, JPMA),
            which needs the camera.
        flip_test: Average with the prediction of the mirrored input and noise, in each
            sampling step.

    With more than one hypothesis, predictions also hold ``hypotheses``
    ``(T, H, K, 3)`` and, where cameras are known, ``joint_choice`` ``(T, K, 3)`` (the
    J-Agg pose), metres, for
    :class:`~mmpose_ext.evaluation.metrics.MultiHypothesisMetric`.

    Raises:
        ValueError: If a number or name of ``test_cfg`` is out of range, or the codec's
            target is not the camera's.
    """

    def __init__(
        self, *args: Any, diffusion: Mapping[str, Any] | None = None, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        _check_codec(getattr(self.head, 'decoder', None), self.test_cfg)
        self.diffusion = PoseDiffusion(**(diffusion or {}))
        self.num_hypotheses = checked_hypotheses(self.test_cfg)
        self.sampling_steps = self.test_cfg.get('sampling_steps', 1)
        self.diffusion.sampling_steps(self.sampling_steps)
        self.aggregation = self.test_cfg.get('aggregation', 'mean')
        if self.aggregation not in AGGREGATIONS:
            raise ValueError(
                f'aggregation must be one of {AGGREGATIONS}, got {self.aggregation!r}'
            )

    def denoise(self, keypoints: Tensor, noisy: Tensor, timesteps: Tensor) -> Tensor:
        """Clean poses of noisy ones: one call of the network.

        Args:
            keypoints: Normalised 2D ``(N, T, K, 2)``.
            noisy: Noisy root-relative poses ``(N, T, K, 3)``, clamped.
            timesteps: ``(N,)``.

        Returns:
            Poses ``(N, T, K, 3)``.
        """
        return self.head(self.backbone(torch.cat([keypoints, noisy], -1), timesteps))

    def loss(self, inputs: Inputs, data_samples: list) -> dict[str, Tensor]:
        """Losses of denoising the labels at random time steps."""
        generator = step_generator()
        keypoints, label, weight = self.flip_some(
            only_keypoints(inputs), *stack_labels(data_samples), data_samples, generator
        )
        noisy, timesteps = self.diffuse(label, generator)
        return self.head.pose_losses(
            self.denoise(keypoints, noisy, timesteps), label, weight
        )

    def diffuse(
        self, label: Tensor, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Labels with the noise of a random time step.

        Returns:
            Noisy poses ``(N, T, K, 3)`` and time steps ``(N,)``.
        """
        steps = torch.randint(
            self.diffusion.num_steps, label.shape[:1], generator=generator
        ).to(label.device, non_blocking=True)
        noise = draw_noise(label.shape, generator, label.device)
        return self.diffusion.add_noise(label, noise, steps), steps

    def predict(self, inputs: Inputs, data_samples: list) -> list:
        """Draw hypotheses of keypoints ``(B, T, K, 2)`` and combine them.

        Returns:
            The data samples with ``pred_instances.keypoints`` ``(T, K, 3)``, metres,
            relative to the root. The noise depends on the seed of the run and the
            first sample of the batch alone.
        """
        keypoints = only_keypoints(inputs)
        generator = _test_generator(data_samples)
        flip_indices = None
        if self.test_cfg.get('flip_test', False):
            flip_indices = data_samples[0].metainfo['flip_indices']
        hypotheses = self.draw_hypotheses(
            keypoints, self.num_hypotheses, generator, flip_indices
        )
        chosen = self._choose_joints(hypotheses, keypoints, data_samples)
        pred = hypotheses.mean(1)
        if self.aggregation == 'joint' and chosen is not None:
            pred = chosen
        instances = self.head.decode_batch(pred, data_samples, self.protocol())
        if self.num_hypotheses > 1:
            self._add_hypotheses(instances, hypotheses, chosen, data_samples)
        return self.add_pred_to_datasample(instances, None, None, None, data_samples)

    def draw_hypotheses(
        self,
        keypoints: Tensor,
        count: int,
        generator: torch.Generator,
        flip_indices: Sequence[int] | None = None,
    ) -> Tensor:
        """Sample poses from pure noise, all hypotheses in one batch.

        Args:
            keypoints: Normalised 2D ``(B, T, K, 2)``.
            count: Hypotheses H.
            generator: For the noise.
            flip_indices: Do the flip test, with these opposite joints.

        Returns:
            Poses ``(B, H, T, K, 3)``.
        """
        shape = (len(keypoints) * count, *keypoints.shape[1:3], 3)
        noise = draw_noise(shape, generator, keypoints.device)
        poses = self.diffusion.sample(
            self.denoiser(keypoints.repeat_interleave(count, 0), flip_indices),
            noise,
            count=self.sampling_steps,
            generator=generator,
        )
        return poses.unflatten(0, (-1, count))

    def denoiser(
        self, keypoints: Tensor, flip_indices: Sequence[int] | None
    ) -> Denoise:
        """:meth:`denoise` of given keypoints, as samplers call it.

        Args:
            keypoints: Normalised 2D ``(N, T, K, 2)``.
            flip_indices: Average with the prediction of the mirrored keypoints and
                noise, with these opposite joints; ``None`` for no flip test.
        """
        if flip_indices is None:
            return partial(self.denoise, keypoints)
        both = torch.cat([keypoints, flip_poses(keypoints, flip_indices)])

        def denoise(noisy: Tensor, timesteps: Tensor) -> Tensor:
            stacked = torch.cat([noisy, flip_poses(noisy, flip_indices)])
            poses = self.denoise(both, stacked, timesteps.repeat(2))
            straight, mirrored = poses.unflatten(0, (2, -1)).unbind()
            return 0.5 * (straight + flip_poses(mirrored, flip_indices))

        return denoise

    def protocol(self) -> dict[str, Any]:
        """What results shall tell of the model."""
        protocol: dict[str, Any] = {
            'hypotheses': self.num_hypotheses,
            'sampling_steps': self.sampling_steps,
        }
        if self.num_hypotheses > 1:
            protocol['aggregation'] = self.aggregation
        return protocol

    def _forward(self, inputs: Inputs, *args: Any, **kwargs: Any) -> Tensor:
        """One call of the network on pure noise, for tools that count or export."""
        keypoints = only_keypoints(inputs)
        generator = torch.Generator().manual_seed(0)
        noise = draw_noise((*keypoints.shape[:3], 3), generator, keypoints.device)
        return self.denoise(
            keypoints, self.diffusion.clamp(noise), self.last_steps(keypoints)
        )

    def last_steps(self, batch: Tensor) -> Tensor:
        """The time step of pure noise for each row of a batch, ``(N,)``."""
        return torch.full((len(batch),), self.diffusion.last_step, device=batch.device)

    def _choose_joints(
        self, hypotheses: Tensor, keypoints: Tensor, data_samples: list
    ) -> Tensor | None:
        """The J-Agg pose ``(B, T, K, 3)``; ``None`` without hypotheses or cameras."""
        if self.num_hypotheses == 1:
            return None
        try:
            cameras = NormalizedCameras.of_samples(data_samples, keypoints.device)
        except ValueError:
            if self.aggregation == 'joint':
                raise
            return None
        errors = hypothesis_errors(hypotheses, keypoints, cameras)
        return choose_joints(hypotheses, errors)

    def _add_hypotheses(
        self,
        instances: list,
        hypotheses: Tensor,
        chosen: Tensor | None,
        data_samples: list,
    ) -> None:
        count, frames = hypotheses.shape[1:3]
        width, factor = stack_scale(data_samples, frames)
        metres = self.head.decoder.decode(
            hypotheses.flatten(0, 1).detach().float().cpu(),
            width.repeat_interleave(count),
            factor.repeat_interleave(count, 0),
        )
        metres = metres.unflatten(0, (-1, count)).transpose(1, 2)
        for instance, poses in zip(instances, metres.numpy(), strict=True):
            instance.hypotheses = poses
        if chosen is not None:
            picked = self.head.decoder.decode(
                chosen.detach().float().cpu(), width, factor
            )
            for instance, pose in zip(instances, picked.numpy(), strict=True):
                instance.joint_choice = pose


def only_keypoints(inputs: Inputs) -> Tensor:
    """The keypoints ``(B, T, K, 2)`` of a batch.

    Raises:
        ValueError: If the batch brings features, which no denoiser takes.
    """
    if isinstance(inputs, Tensor):
        return inputs
    if set(inputs) != {'keypoints'}:
        raise ValueError(
            f'a diffusion lifter takes keypoints alone, the batch brings '
            f'{sorted(inputs)}: leave `features` of the data set out'
        )
    return inputs['keypoints']


def checked_hypotheses(options: Mapping[str, Any], default: int = 1) -> int:
    """The number of hypotheses.

    Raises:
        ValueError: If it is below 1.
    """
    count = options.get('num_hypotheses', default)
    if not isinstance(count, int) or count < 1:
        raise ValueError(f'num_hypotheses must be at least 1, got {count!r}')
    return count


def draw_noise(
    shape: tuple[int, ...] | torch.Size,
    generator: torch.Generator,
    device: torch.device,
) -> Tensor:
    """Standard normal numbers, the same on every device."""
    return torch.randn(shape, generator=generator).to(device, non_blocking=True)


def hypothesis_errors(
    hypotheses: Tensor,
    keypoints: Tensor,
    cameras: NormalizedCameras,
    root: Tensor | None = None,
    weight: Tensor | None = None,
) -> Tensor:
    """How far hypotheses project from the 2D (PoSynDA, Eq. 4).

    Args:
        hypotheses: Poses ``(B, H, T, K, 3)``.
        keypoints: Normalised 2D ``(B, T, K, 2)``.
        cameras: Of the windows.
        root: Place of the root ``(B, T, 3)``, camera frame; by default each pose is
            placed where it fits the 2D best, in closed form.
        weight: 0 for joints whose 2D is not known ``(B, T, K)``.

    Returns:
        Distances of joints ``(B, H, T, K)``, normalised units; 0 for those not known,
        infinite behind the camera.
    """
    relative = hypotheses - hypotheses[..., :1, :]
    rays = cameras.rays(keypoints)[:, None]
    known = None if weight is None else weight[:, None]
    place = solve_root(relative, rays, known) if root is None else root[:, None]
    errors = reprojection_errors(relative, place, rays, cameras.f[:, None, None, None])
    return errors if known is None else errors.masked_fill(known == 0, 0.0)


def _check_codec(codec: Any, test_cfg: Mapping[str, Any]) -> None:
    target = getattr(codec, 'target', 'camera')
    if target != 'camera' or test_cfg.get('xy_passthrough', False):
        raise ValueError(
            "a diffusion lifter predicts metres: its codec needs target='camera', got "
            f'{target!r}, and xy_passthrough must stay off'
        )


def _test_generator(data_samples: list) -> torch.Generator:
    name = str(data_samples[0].metainfo.get('sample_name', ''))
    seed = (run_seed() + zlib.crc32(name.encode())) % 2**63
    return torch.Generator().manual_seed(seed)
