"""A diffusion lifter that adapts with poses from a GAN."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from mmengine.optim import OptimWrapper, OptimWrapperDict
from mmpose.registry import MODELS
from torch import Tensor, nn
from torch.func import functional_call

from mmpose_ext.models.estimators.diffusion_lifter import draw_noise
from mmpose_ext.models.estimators.posynda_lifter import (
    PoSynDALifter,
    TrainingPairs,
    target_weight,
)
from mmpose_ext.models.heads.lifting_head import stack_labels
from mmpose_ext.models.layers.pose_discriminator import PoseDiscriminator
from mmpose_ext.models.layers.pose_generator import PoseGenerator
from mmpose_ext.models.losses.least_squares_gan import (
    least_squares_discriminator_loss,
    least_squares_generator_loss,
)
from mmpose_ext.models.losses.weighted_mean import weighted_mean
from mmpose_ext.models.normalized_cameras import NormalizedCameras


@MODELS.register_module()
class GANAdaptationLifter(PoSynDALifter):
    """PoSynDA's adaptation with a pose GAN in place of the teacher (Table 5, "GAN").

    A batch holds labelled windows of the source and 2D windows of the target in turn
    (``SourceTargetSampler``). In each step

    1. the generator sees source windows and noise and proposes for each window one
       rotation and one set of bone lengths, left as right;
    2. the changed poses are moved to where target people stand and projected with the
       target's camera (Eq. 3), one source window with one target window;
    3. the discriminator learns to tell their 2D from the target's, the generator to
       be mistaken for the target and not to change more than it takes;
    4. the lifter learns the generated pairs of 2D and root-relative pose as PoSynDA's
       student does. Nothing of this reaches the generator.

    The paper names a GAN as the other generative method and says no more: not what is
    generated, how, or what is scored. This is the usual adversarial augmentation of
    poses, after PoseAug (Gong et al., CVPR 2021) and AdaptPose (Gholami et al., CVPR
    2022), cut down to what a domain of other people and cameras needs. Our choices:
    changes are one a window, so that motion stays smooth; single joint angles are not
    changed; there is no feedback from the lifter's error to the generator; the GAN is
    a least-squares GAN; place and size come from Eq. 3 and are not learned; the
    discriminator sees single frames without place and size, see
    :class:`~mmpose_ext.models.layers.pose_discriminator.PoseDiscriminator`; target
    windows have no pseudo-labels, so the lifter's batch is half that of PoSynDA. The
    generator starts by changing nothing, that is, at PoSynDA's first component.

    All three networks learn in each step from one forward pass; their losses have
    gradients in disjoint sets of weights. Each has an optimiser of its own::

        optim_wrapper = dict(
            constructor='PartsOptimWrapperConstructor',
            lifter=dict(optimizer=dict(type='Adam', lr=6e-5)),
            generator=dict(optimizer=dict(type='Adam', lr=1e-4, betas=(0.5, 0.9))),
            discriminator=dict(
                optimizer=dict(type='Adam', lr=1e-4, betas=(0.5, 0.9))
            ),
        )

    With several processes MMEngine wants a single optimiser, which is the same for
    Adam but for clipping of gradients; ``custom_keys`` of its ``paramwise_cfg`` give
    generator and discriminator their learning rates.

    Prediction is that of :class:`DiffusionLifter`; the GAN has no part in it.

    Args:
        generator: Options of :class:`PoseGenerator`.
        discriminator: Options of :class:`PoseDiscriminator`.
        lora: See :class:`PoSynDALifter`, as are ``bias`` and ``diffusion``.

    Args of ``train_cfg``:
        moderation: Weight of the strength of changes (0 to 2, see
            :class:`~mmpose_ext.models.layers.pose_generator.PoseChange`) in the
            generator's loss, whose other part is at most about 0.5 (default 0.1).
        setting: See :class:`PoSynDALifter`, as are ``augmentation``,
            ``student_timestep`` and ``flip_prob``.

    Args of ``test_cfg``: see :class:`DiffusionLifter`.

    Raises:
        ValueError: If an option is unknown, out of range or of PoSynDA's teacher; in
            ``loss``, if a batch is not of source and target in turn or a target has no
            camera.
    """

    def __init__(
        self,
        *args: Any,
        generator: Mapping[str, Any] | None = None,
        discriminator: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        _check_options(self.train_cfg, self.teacher)
        self.generator = PoseGenerator(**(generator or {}))
        self.discriminator = PoseDiscriminator(**(discriminator or {}))

    def training_pairs(
        self, keypoints: Tensor, data_samples: list, generator: torch.Generator
    ) -> TrainingPairs:
        """Generated source poses that stand where the target's people do.

        Args:
            keypoints: Normalised 2D ``(2 N, T, K, 2)``: source, target, source, ...
            data_samples: Of the same.
            generator: For the noise of the pose generator.

        Returns:
            What the lifter learns, without a gradient in the generator. ``facts`` are
            ``loss_generator``, ``loss_discriminator``, and for the log ``rotation``,
            the mean angle of the changes in degrees, and ``score_gap``, the mean score
            of the target minus that of the generated: 1 if the discriminator knows, 0
            if it is at a loss.
        """
        source, target = data_samples[::2], data_samples[1::2]
        target_2d = keypoints[1::2]
        cameras = NormalizedCameras.of_samples(target, target_2d.device)
        label, weight = stack_labels(source)
        noise_shape = (len(label), self.generator.noise_dims)
        noise = draw_noise(noise_shape, generator, label.device)
        change = self.generator(label, noise)
        label = change.apply(label)
        known = target_weight(target, weight)
        generated = self.augment(label, target_2d, cameras, known)
        weight = weight * known[..., :1]  # no place where the target's root is lost
        facts = self.adversarial_losses(generated, weight, target_2d, known)
        moderation = self.train_cfg.get('moderation', 0.1)
        facts['loss_generator'] += moderation * change.strength.mean()
        facts['rotation'] = change.rotation.detach().norm(dim=-1).mean().rad2deg()
        return TrainingPairs(generated.detach(), label.detach(), weight, facts)

    def adversarial_losses(
        self,
        generated: Tensor,
        generated_weight: Tensor,
        real: Tensor,
        real_weight: Tensor,
    ) -> dict[str, Tensor]:
        """The two sides of the GAN.

        Args:
            generated: 2D ``(N, T, K, 2)`` with the generator's graph.
            generated_weight: Of its joints ``(N, T, K)``; a frame in which none counts
                is not scored.
            real: 2D of the target, of the same shape.
            real_weight: Of its joints.

        Returns:
            ``loss_generator``, without a gradient in the discriminator,
            ``loss_discriminator``, without one in the generator, and ``score_gap``.
        """
        frames, real_frames = (
            (w.amax(-1) > 0).float() for w in (generated_weight, real_weight)
        )
        known = self.discriminator(real)
        judged = self.discriminator(generated.detach())
        fooled = _call_frozen(self.discriminator, generated)
        gap = weighted_mean(known, real_frames) - weighted_mean(judged, frames)
        return {
            'loss_generator': least_squares_generator_loss(fooled, frames),
            'loss_discriminator': least_squares_discriminator_loss(
                known, judged, real_frames, frames
            ),
            'score_gap': gap.detach(),
        }

    def optimised_parts(self) -> dict[str, nn.Module]:
        """What each optimiser trains; together all weights that learn."""
        return {
            'lifter': self._parts(),
            'generator': self.generator,
            'discriminator': self.discriminator,
        }

    def train_step(
        self, data: Any, optim_wrapper: OptimWrapper | OptimWrapperDict
    ) -> dict[str, Tensor]:
        """One step of all three networks, from the same forward pass.

        Args:
            data: A batch of the data loader.
            optim_wrapper: One for each of ``optimised_parts``, or a single one.

        Returns:
            What is logged.
        """
        if not isinstance(optim_wrapper, OptimWrapperDict):
            return super().train_step(data, optim_wrapper)
        with optim_wrapper['lifter'].optim_context(self):
            losses = self._run_forward(self.data_preprocessor(data, True), mode='loss')
        log_vars = self.parse_losses(losses)[1]
        # The generator's graph holds weights of the discriminator: it goes first.
        for name in ('generator', 'discriminator'):
            optim_wrapper[name].update_params(losses.pop(f'loss_{name}'))
        optim_wrapper['lifter'].update_params(self.parse_losses(losses)[0])
        return log_vars

    def protocol(self) -> dict[str, Any]:
        """What results shall tell of the model and of its adaptation."""
        protocol = super().protocol()
        protocol.pop('adaptation_root', None)  # no hypotheses of the target, no root
        return {**protocol, 'generator': 'gan'}


def _call_frozen(network: nn.Module, *args: Tensor) -> Tensor:
    """Call a network so that gradients go through it but not into it."""
    weights = {name: value.detach() for name, value in network.named_parameters()}
    return functional_call(network, weights, args)


def _check_options(options: Mapping[str, Any], teacher: nn.Module | None) -> None:
    unused = [name for name in _TEACHER_OPTIONS if name in options]
    if unused or teacher is not None:
        raise ValueError(
            f'a GAN has no teacher: {unused or ["teacher"]} must not be set; if they '
            'come from a base config, write train_cfg=dict(_delete_=True, ...)'
        )
    if not options.get('moderation', 0.1) >= 0:
        raise ValueError(f'moderation must be 0 or more, got {options["moderation"]!r}')


_TEACHER_OPTIONS = (
    'augment_source',
    'pseudo_labels',
    'num_hypotheses',
    'selection',
    'root',
)
