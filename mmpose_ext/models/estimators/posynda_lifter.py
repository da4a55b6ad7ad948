"""PoSynDA: a diffusion lifter that adapts to a domain without 3D labels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
import torch
from mmpose.registry import MODELS
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from typing_extensions import Self

from mmpose_ext.geometry import choose_joints, choose_pose, place_like_target
from mmpose_ext.models.estimators.average_teacher import AverageTeacher
from mmpose_ext.models.estimators.diffusion_lifter import (
    DiffusionLifter,
    checked_hypotheses,
    draw_noise,
    hypothesis_errors,
    only_keypoints,
)
from mmpose_ext.models.estimators.sequence_lifter import Inputs
from mmpose_ext.models.evaluation_mode import evaluating
from mmpose_ext.models.heads.lifting_head import stack_labels
from mmpose_ext.models.layers.cross_dataset_bias import CrossDatasetBias
from mmpose_ext.models.layers.low_rank_adaptation import add_low_rank_adapters
from mmpose_ext.models.losses.weighted_mean import weighted_mean
from mmpose_ext.models.normalized_cameras import NormalizedCameras
from mmpose_ext.models.step_generator import step_generator, training_step

Setting = Literal['inductive', 'transductive']
Selection = Literal['pose', 'joint']
Root = Literal['solved', 'ground_truth']
Timestep = Literal['last', 'random']


class TrainingPairs(NamedTuple):
    """What a student learns in a step.

    Attributes:
        keypoints: Normalised 2D ``(N, T, K, 2)``.
        label: Root-relative poses ``(N, T, K, 3)``, metres.
        weight: Of the joints, ``(N, T, K)``.
        facts: Further entries for losses and log.
    """

    keypoints: Tensor
    label: Tensor
    weight: Tensor
    facts: dict[str, Tensor]


@MODELS.register_module()
class PoSynDALifter(DiffusionLifter):
    """Adapt a diffusion lifter to a target of 2D alone (PoSynDA, Algorithm 1).

    A batch holds labelled windows of the source and 2D windows of the target in turn
    (``SourceTargetSampler``). In each step

    1. source poses are moved to where target people stand and projected with the
       target's camera (Eq. 3), one source window with one target window;
    2. the teacher, without gradient, draws H hypotheses of each target window, and the
       one whose projection is nearest to the 2D becomes its pseudo-label (Eq. 4, 5);
    3. the student learns both in one batch, with a single hypothesis (Eq. 2, 9).

    The teacher has the student's weights after every update, as in the paper, so it is
    the student itself in evaluation mode unless ``teacher`` says otherwise.

    The released code does none of this: it has no teacher, reads the target's true
    root, and adapts on the sequences that it is scored on. Where the paper is silent we
    take: the root of each hypothesis in closed form from its 2D; the student's noise at
    the last time step, the one that inference starts from.

    Args:
        lora: Options of
            :func:`~mmpose_ext.models.layers.low_rank_adaptation.add_low_rank_adapters`;
            all other weights but the bias are then frozen, as are running statistics.
            ``None`` trains everything.
        bias: Joints of :class:`CrossDatasetBias` (``'pck'``, ``'all'``, names), or
            ``None`` for no bias.
        teacher: Options of :class:`AverageTeacher` for a teacher that follows slowly.
        diffusion: See :class:`DiffusionLifter`.

    Args of ``train_cfg``:
        setting: ``'inductive'`` or ``'transductive'``: whether the target's windows are
            of other people than those scored, or of the same. It is written into
            results, nothing else; the config's data decide.
        augment_source: Step 1 (default true); otherwise source 2D stays as it is.
        augmentation: Options of :func:`~mmpose_ext.geometry.place_like_target`.
        pseudo_labels: Step 2 (default true); otherwise the source alone is learned.
        num_hypotheses: Hypotheses H of the teacher (default 3).
        selection: ``'pose'`` chooses a hypothesis a frame (Eq. 4), ``'joint'`` a joint.
        root: ``'solved'``, or ``'ground_truth'``, which reads the target's true root
            (``root_cam``) and is marked in results.
        student_timestep: ``'last'``, or ``'random'`` as in pre-training.
        flip_prob: Probability of mirroring a window of the student's batch.

    Args of ``test_cfg``: see :class:`DiffusionLifter`.

    Raises:
        ValueError: If an option is unknown or out of range; in ``loss``, if a batch is
            not of source and target in turn or a target has no camera.
    """

    def __init__(
        self,
        *args: Any,
        lora: Mapping[str, Any] | None = None,
        bias: str | list[str] | None = 'pck',
        teacher: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        options = self.train_cfg
        self.teacher_hypotheses = checked_hypotheses(options, default=3)
        unit = getattr(getattr(self.head, 'decoder', None), 'unit', 1.0)
        if unit != 1:
            raise ValueError(
                'adaptation places poses before cameras, in metres: the unit of the '
                f'codec must be 1, got {unit}'
            )
        for name, choices in _CHOICES.items():
            if options.get(name, choices[0]) not in choices:
                raise ValueError(
                    f'{name} must be one of {choices}, got {options[name]!r}'
                )
        self.frozen = lora is not None
        if lora is not None:
            self.requires_grad_(False)
            add_low_rank_adapters(self.backbone, **lora)
        self.bias = nn.Identity() if bias is None else CrossDatasetBias(bias)
        self.teacher = None
        if teacher is not None:
            self.teacher = AverageTeacher(self._parts(), **teacher)

    def train(self, mode: bool = True) -> Self:
        """Training mode; statistics of frozen weights stay those of the source."""
        super().train(mode)
        if self.frozen:
            for module in self.modules():
                if isinstance(module, _BatchNorm):
                    module.eval()
        return self

    def denoise(self, keypoints: Tensor, noisy: Tensor, timesteps: Tensor) -> Tensor:
        """As :meth:`DiffusionLifter.denoise`, with the bias added (Eq. 11)."""
        return _denoise(self, keypoints, noisy, timesteps)

    def loss(self, inputs: Inputs, data_samples: list) -> dict[str, Tensor]:
        """One step of Algorithm 1.

        Args:
            inputs: Normalised 2D ``(2 N, T, K, 2)``: source, target, source, ...
            data_samples: Of the source with labels, of the target without.
        """
        check_domains(data_samples)
        generator = step_generator()
        pairs = self.training_pairs(only_keypoints(inputs), data_samples, generator)
        keypoints, label, weight = self.flip_some(
            pairs.keypoints, pairs.label, pairs.weight, data_samples, generator
        )
        noisy, timesteps = self.student_input(label, generator)
        pred = self.denoise(keypoints, noisy, timesteps)
        return self.head.pose_losses(pred, label, weight) | pairs.facts

    def training_pairs(
        self, keypoints: Tensor, data_samples: list, generator: torch.Generator
    ) -> TrainingPairs:
        """Augmented source and pseudo-labelled target, what the student learns.

        Args:
            keypoints: Normalised 2D ``(2 N, T, K, 2)``: source, target, source, ...
            data_samples: Of the same.
            generator: For the noise of the teacher.
        """
        source, target = data_samples[::2], data_samples[1::2]
        keypoints, target_2d = keypoints[::2], keypoints[1::2]
        cameras = NormalizedCameras.of_samples(target, target_2d.device)
        label, weight = stack_labels(source)
        known = target_weight(target, weight)
        if self.train_cfg.get('augment_source', True):
            keypoints = self.augment(label, target_2d, cameras, known)
            weight = weight * known[..., :1]  # no place where the target's root is lost
        if not self.train_cfg.get('pseudo_labels', True):
            return TrainingPairs(keypoints, label, weight, {})
        pseudo, known, facts = self.pseudo_label(
            target_2d, target, cameras, known, generator
        )
        return TrainingPairs(
            torch.cat([keypoints, target_2d]),
            torch.cat([label, pseudo]),
            torch.cat([weight, known]),
            facts,
        )

    def augment(
        self,
        label: Tensor,
        target_2d: Tensor,
        cameras: NormalizedCameras,
        known: Tensor,
    ) -> Tensor:
        """2D of source poses that stand where the target's people do.

        Args:
            label: Root-relative source poses ``(N, T, K, 3)``, metres.
            target_2d: Normalised 2D of the target ``(N, T, K, 2)``.
            cameras: Of the target.
            known: Weight of target joints ``(N, T, K)``.

        Returns:
            Normalised 2D ``(N, T, K, 2)``; the label stays as it is.
        """
        options = self.train_cfg.get('augmentation') or {}
        return place_like_target(
            label,
            target_2d,
            cameras.f,
            cameras.c,
            distortion=cameras.distortion,
            weight=known,
            **options,
        )[1]

    @torch.no_grad()
    def pseudo_label(
        self,
        keypoints: Tensor,
        data_samples: list,
        cameras: NormalizedCameras,
        known: Tensor,
        generator: torch.Generator,
    ) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        """The teacher's best hypothesis of each target frame (Eq. 4, 5).

        Args:
            keypoints: Normalised 2D ``(N, T, K, 2)``.
            data_samples: Of the target.
            cameras: Of the target.
            known: Weight of target joints ``(N, T, K)``.
            generator: For the noise.

        Returns:
            Root-relative poses ``(N, T, K, 3)``; their weight ``(N, T, K)``, 0 also
            where every hypothesis comes to lie behind the camera; and
            ``reprojection``, the mean distance of their joints from the 2D, for the
            log.
        """
        count = self.teacher_hypotheses
        many = keypoints.repeat_interleave(count, 0)
        noise = draw_noise((*many.shape[:3], 3), generator, many.device)
        with self._teaching() as teacher:
            poses = _denoise(
                teacher, many, self.diffusion.clamp(noise), self.last_steps(many)
            )
        poses = self.diffusion.clamp(poses.float())
        hypotheses = (poses - poses[..., :1, :]).unflatten(0, (-1, count))
        root = None
        if self.train_cfg.get('root', 'solved') == 'ground_truth':
            root = _true_root(data_samples).to(keypoints.device, non_blocking=True)
        errors = hypothesis_errors(hypotheses, keypoints, cameras, root, known)
        if self.train_cfg.get('selection', 'pose') == 'joint':
            chosen, least = choose_joints(hypotheses, errors), errors.amin(1)
            fits = least.isfinite()
        else:
            chosen, index = choose_pose(hypotheses, errors)
            least = torch.take_along_dim(errors, index[:, None, :, None], 1).squeeze(1)
            fits = least.isfinite().all(-1, keepdim=True)
        known = known * fits
        distance = weighted_mean(least.where(least.isfinite(), 0.0), known)
        return chosen, known, {'reprojection': distance}

    def student_input(
        self, label: Tensor, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Noisy poses ``(N, T, K, 3)`` and time steps ``(N,)`` of the student."""
        if self.train_cfg.get('student_timestep', 'last') == 'random':
            return self.diffuse(label, generator)
        noise = draw_noise(label.shape, generator, label.device)
        return self.diffusion.clamp(noise), self.last_steps(label)

    def protocol(self) -> dict[str, Any]:
        """What results shall tell of the model and of its adaptation."""
        options = self.train_cfg
        protocol = super().protocol()
        protocol['adaptation'] = options.get('setting', 'setting not stated')
        protocol['adaptation_root'] = options.get('root', 'solved')
        return protocol

    def _parts(self) -> nn.ModuleDict:
        """What a teacher needs of this lifter."""
        return nn.ModuleDict(
            {'backbone': self.backbone, 'head': self.head, 'bias': self.bias}
        )

    @contextmanager
    def _teaching(self) -> Iterator[nn.ModuleDict]:
        """The parts of the teacher, in evaluation mode."""
        parts = self._parts()
        if self.teacher is not None:
            self.teacher.follow(parts, training_step())
            parts = self.teacher.network
        with evaluating(parts):
            yield parts


def _denoise(parts: Any, keypoints: Tensor, noisy: Tensor, timesteps: Tensor) -> Tensor:
    """Clean poses by a backbone, a head and a bias: those of a lifter or a teacher."""
    feats = parts.backbone(torch.cat([keypoints, noisy], -1), timesteps)
    return parts.bias(parts.head(feats))


def check_domains(data_samples: list) -> None:
    """Whether source and target come in turn.

    Raises:
        ValueError: If they do not.
    """
    labelled = [
        'lifting_target_label' in sample.gt_instance_labels for sample in data_samples
    ]
    if len(labelled) % 2 or labelled != [True, False] * (len(labelled) // 2):
        raise ValueError(
            f'a batch of {len(labelled)} windows with labels for '
            f'{sum(labelled)}: adaptation needs an even batch of source (labelled) and '
            'target (target=None in its LiftingDataset) in turn, as '
            "sampler=dict(type='SourceTargetSampler') gives them"
        )


def target_weight(data_samples: list, like: Tensor) -> Tensor:
    """Weight of target joints ``(N, T, K)``: 0 in padding and invalid frames."""
    labels = [sample.gt_instance_labels for sample in data_samples]
    if 'lifting_target_weight' not in labels[0]:
        return torch.ones_like(like)
    return torch.stack([label.lifting_target_weight for label in labels])


def _true_root(data_samples: list) -> Tensor:
    """Roots of the target ``(N, T, 3)``, metres.

    Raises:
        ValueError: If the data set does not bring them.
    """
    roots = [sample.metainfo.get('root_cam') for sample in data_samples]
    if any(root is None for root in roots):
        raise ValueError(
            "root='ground_truth' needs the true root of the target: set "
            'target_root=True in its LiftingDataset'
        )
    return torch.from_numpy(np.stack(roots))


_CHOICES: dict[str, tuple[str, ...]] = {
    'setting': get_args(Setting),
    'selection': get_args(Selection),
    'root': get_args(Root),
    'student_timestep': get_args(Timestep),
}
