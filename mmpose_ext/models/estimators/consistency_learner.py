"""What all estimators share that learn from pairs of easy and hard views."""

from __future__ import annotations

import copy
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from mmengine.model import BaseModel, ModuleList
from mmengine.structures import PixelData
from mmpose.datasets.datasets.utils import parse_pose_metainfo
from mmpose.models.heads import HeatmapHead
from mmpose.models.utils.tta import flip_heatmaps
from mmpose.registry import MODELS
from torch import Tensor, nn

from mmpose_ext.codecs.heatmap_plane import HeatmapPlane
from mmpose_ext.models.losses.heatmap_consistency_loss import HeatmapConsistencyLoss
from mmpose_ext.models.pseudo_heatmaps import PseudoHeatmaps
from mmpose_ext.models.step_generator import step_generator

BatchNorm = Literal['per_view', 'joint']


@dataclass(frozen=True)
class Lesson:
    """What a teacher says of the easy views.

    Args:
        heatmaps: ``(B, K, h, w)``.
        trust: Weight of each joint ``(B, K)``; ``None`` trusts all alike.
    """

    heatmaps: Tensor
    trust: Tensor | None = None


class ConsistencyLearner(BaseModel):
    """Networks that learn from labelled people and from pairs of views of others.

    One step, for each student (paper, sections 3.3 and 4.2):

    1. an easy and a hard view of each unlabelled person;
    2. the student's teacher predicts heatmaps on the easy view, without gradient;
    3. the map between the views carries them to the hard view;
    4. the student predicts heatmaps on labelled images and on the hard view, in which
       joints may be cut out where the teacher sees them;
    5. the loss of the student's head (``head.loss_module``, squared errors) to the
       labels, and squared errors to the carried heatmaps, one plus lambda times the
       other. Gradients pass through the student's predictions alone.

    Who teaches whom is what subclasses say in :meth:`teach`.

    Training batches are those of ``SemiSupervisedDataPreprocessor``. In validation the
    model is an ordinary top-down estimator: each network of :meth:`networks` predicts
    once; ``pred_instances`` is what ``test_cfg["output"]`` names, and predictions of
    all networks and of their mean heatmap stand beside it as ``pred_<name>`` for
    ``PerNetworkMetric``.

    Args:
        students: Configs of top-down estimators, each with a ``HeatmapHead`` of MMPose
            or one derived from it, which gives one heatmap a joint. Heads of several
            stages (``CPMHead``, ``MSPNHead``) are refused.
        views: Config of :class:`EasyHardViews`.
        occlusions: Paths to hard views, each a list of configs of image operators; the
            losses of all paths are added (MultiAugs). One empty path means the
            similarity alone.
        pseudo_labels: Options of :class:`PseudoHeatmaps`.
        loss_unlabelled: Config of the loss between heatmaps; its ``loss_weight`` is
            lambda.
        labelled_weight: Factor of the loss on labelled images. The released code of the
            two students has 0.5, which is a lambda of 2.
        detach: Cut the gradient through teachers. ``False`` is the naive consistency,
            which collapses.
        bn: ``'per_view'``: labelled, easy and hard images pass one after the other,
            each with batch statistics of its own, as in the released code. ``'joint'``:
            labelled and hard images pass in one stack and share their statistics, which
            is faster.
        metainfo: Of the joints, as in MMPose's estimators; its ``flip_indices`` are
            needed.
        test_cfg: ``flip_test``, ``shift_heatmap`` and ``output_heatmaps`` as in MMPose,
            and ``output``, the name of the network whose prediction is
            ``pred_instances``; default: the mean heatmap if there is one.
        data_preprocessor: Config of ``SemiSupervisedDataPreprocessor``.
        init_cfg: As in MMEngine.

    Raises:
        ValueError: If a student has another head, the students' heatmaps or joints
            differ, or an option is out of range; later, if the loader sends less of an
            image than views can show.
    """

    def __init__(
        self,
        students: Sequence[dict],
        *,
        views: dict,
        metainfo: dict,
        occlusions: Sequence[Sequence[dict]] = ((),),
        pseudo_labels: dict | None = None,
        loss_unlabelled: dict | None = None,
        labelled_weight: float = 1.0,
        detach: bool = True,
        bn: BatchNorm = 'per_view',
        test_cfg: dict | None = None,
        data_preprocessor: dict | None = None,
        init_cfg: Any = None,
    ) -> None:
        # Built here, so that its type is found without a default scope.
        super().__init__(
            MODELS.build(
                data_preprocessor or dict(type='SemiSupervisedDataPreprocessor')
            ),
            init_cfg,
        )
        if bn not in ('per_view', 'joint'):
            raise ValueError(f"bn must be 'per_view' or 'joint', got {bn!r}")
        if not occlusions:
            raise ValueError(
                'occlusions needs at least one path; [[]] is the similarity alone'
            )
        if not labelled_weight >= 0:
            raise ValueError(f'labelled_weight={labelled_weight}: expected 0 or more')
        self.students = ModuleList([MODELS.build(student) for student in students])
        self.plane = common_plane(self.students)
        self.metainfo = parse_pose_metainfo(copy.deepcopy(metainfo))
        check_joints(self.students, self.metainfo)
        size = self.plane.input_size
        self.views = MODELS.build(dict(type='EasyHardViews', size=size, **views))
        self.occlusions = nn.ModuleList(
            nn.ModuleList(MODELS.build(operator) for operator in path)
            for path in occlusions
        )
        self.pseudo_labels = PseudoHeatmaps(
            self.plane, self.metainfo['flip_indices'], **(pseudo_labels or {})
        )
        self.loss_unlabelled = MODELS.build(
            loss_unlabelled or dict(type=HeatmapConsistencyLoss.__name__)
        )
        self.labelled_weight, self.detach, self.bn = labelled_weight, detach, bn
        self.test_cfg = dict(test_cfg or {})

    @abstractmethod
    def teach(self, easy: Tensor) -> list[Lesson]:
        """What each student's teacher says of easy views.

        Args:
            easy: Normalised images ``(B, 3, H, W)``.
        """

    def networks(self) -> dict[str, Any]:
        """The networks that predict, by name."""
        if len(self.students) == 1:
            return {'student': self.students[0]}
        return {f'student{k}': student for k, student in enumerate(self.students)}

    def output_name(self) -> str:
        """Whose prediction is ``pred_instances``; constructors ask, to check it.

        Raises:
            ValueError: If ``test_cfg['output']`` names no network.
        """
        names = list(self.networks())
        if len(names) > 1:
            names.append('ensemble')
        chosen = self.test_cfg.get('output', names[-1])
        if chosen not in names:
            raise ValueError(f'test_cfg.output must be one of {names}, got {chosen!r}')
        return chosen

    def forward(self, inputs: Any, data_samples: Any = None, mode: str = 'tensor'):
        """``'loss'``, ``'predict'`` or ``'tensor'``, as in MMPose.

        ``'tensor'`` gives the mean heatmap of all networks for images
        ``(B, 3, H, W)``.
        """
        if mode == 'loss':
            return self.loss(inputs, data_samples)
        if isinstance(inputs, list):
            inputs = torch.stack(inputs)
        if mode == 'predict':
            return self.predict(inputs, data_samples)
        if mode == 'tensor':
            maps = [heatmaps_of(net, inputs) for net in self.networks().values()]
            return torch.stack(maps).mean(0)
        raise ValueError(f"mode must be 'loss', 'predict' or 'tensor', got {mode!r}")

    def loss(
        self, inputs: dict[str, Tensor], data_samples: dict[str, Any]
    ) -> dict[str, Tensor]:
        """Losses of one step, and the mean height of heatmaps for the record.

        Args:
            inputs: ``labelled`` and ``unlabelled`` images, uint8.
            data_samples: ``keypoints`` and ``keypoint_weights`` of the labelled,
                ``source_to_input`` of the unlabelled people, and their ``samples``,
                which say how far views may reach.

        Raises:
            ValueError: If views would show more than the loader sends.
        """
        for sample in data_samples.get('samples', {}).get('unlabelled', ())[:1]:
            if 'source_reach' in sample:
                self.views.check_reach(sample.source_reach)
        generator = step_generator()
        labelled = self._normalize(inputs['labelled'].float())
        labels = self.plane.encode(
            data_samples['keypoints'], data_samples['keypoint_weights']
        )
        views = self.views(
            inputs['unlabelled'], data_samples['source_to_input'], generator=generator
        )
        easy = self._normalize(views.easy)
        # In the order of the released code, where it matters to running statistics.
        seen = self._see_labelled(labelled)
        with torch.set_grad_enabled(not self.detach and torch.is_grad_enabled()):
            lessons = self.teach(easy)
        if self.bn == 'joint':
            # Autocast keeps the weights that it casts. In older torch (2.11 is right),
            # students would get no gradient of those cast for teachers, without one.
            torch.clear_autocast_cache()
        hard = [self._harden(views, lesson, generator) for lesson in lessons]
        seen_labelled, seen_hard = self._see_hard(labelled, seen, hard)
        losses: dict[str, Tensor] = {}
        for number, (own, answers, lesson) in enumerate(
            zip(seen_labelled, seen_hard, lessons, strict=True)
        ):
            target, weight = self.pseudo_labels(
                lesson.heatmaps, views.easy_to_hard, lesson.trust
            )
            losses |= self._losses(number, own, labels, answers, target, weight)
        taught = [lesson.heatmaps for lesson in lessons]
        return losses | responses(seen_labelled, labels[1], taught, seen_hard)

    def predict(self, images: Tensor, data_samples: list) -> list:
        """Predictions of each network and of their mean heatmap.

        Args:
            images: Normalised ``(B, 3, H, W)``.
            data_samples: One a person.

        Returns:
            The samples, with ``pred_instances`` and ``pred_<name>``.
        """
        networks = self.networks()
        heatmaps = {
            name: self._test_heatmaps(network, images, data_samples)
            for name, network in networks.items()
        }
        decoders = dict(networks)
        if len(networks) > 1:
            heatmaps['ensemble'] = torch.stack(list(heatmaps.values())).mean(0)
            decoders['ensemble'] = next(iter(networks.values()))
        chosen = self.output_name()
        for name, maps in heatmaps.items():
            found = decoders[name].head.decode(maps)
            decoders[name].add_pred_to_datasample(found, None, data_samples)
            for sample in data_samples:
                sample.set_field(sample.pred_instances, f'pred_{name}')
        for number, sample in enumerate(data_samples):
            sample.pred_instances = sample.get(f'pred_{chosen}')
            if self.test_cfg.get('output_heatmaps', False):
                sample.pred_fields = PixelData(heatmaps=heatmaps[chosen][number])
        return data_samples

    def _normalize(self, images: Tensor) -> Tensor:
        return self.data_preprocessor.normalize(images)

    def _harden(
        self, views: Any, lesson: Lesson, generator: torch.Generator
    ) -> list[Tensor]:
        """One normalised hard view a path."""
        joints, scores = self.pseudo_labels.joints_in(lesson.heatmaps)
        fill = self.data_preprocessor.fill
        return [
            self._normalize(
                self.views.harden(
                    views, path, joints, scores, generator=generator, fill=fill
                )
            )
            for path in self.occlusions
        ]

    def _see_labelled(self, labelled: Tensor) -> list[Tensor] | None:
        if self.bn == 'joint':
            return None
        return [heatmaps_of(student, labelled) for student in self.students]

    def _see_hard(
        self, labelled: Tensor, seen: list[Tensor] | None, hard: list[list[Tensor]]
    ) -> tuple[list[Tensor], list[list[Tensor]]]:
        """Heatmaps of each student on labelled images, and on its hard views."""
        if seen is not None:
            return seen, [
                [heatmaps_of(student, images) for images in paths]
                for student, paths in zip(self.students, hard, strict=True)
            ]
        sizes = [len(labelled), *(len(images) for images in hard[0])]
        stacks = [
            heatmaps_of(student, torch.cat([labelled, *paths])).split(sizes)
            for student, paths in zip(self.students, hard, strict=True)
        ]
        return [stack[0] for stack in stacks], [list(stack[1:]) for stack in stacks]

    def _losses(
        self,
        number: int,
        seen: Tensor,
        labels: tuple[Tensor, Tensor],
        answers: list[Tensor],
        target: Tensor,
        weight: Tensor,
    ) -> dict[str, Tensor]:
        # In float32 also under autocast, as the loss of unlabelled people.
        supervised = self.students[number].head.loss_module(seen.float(), *labels)
        consistent = [self.loss_unlabelled(a, target, weight) for a in answers]
        name = '' if len(self.students) == 1 else f'student{number}.'
        return {
            f'{name}loss_labelled': self.labelled_weight * supervised,
            f'{name}loss_unlabelled': torch.stack(consistent).sum(),
        }

    def _test_heatmaps(
        self, network: nn.Module, images: Tensor, data_samples: list
    ) -> Tensor:
        """Heatmaps of one network, averaged with those of the mirrored images."""
        if not self.test_cfg.get('flip_test', False):
            return heatmaps_of(network, images)
        both = heatmaps_of(network, torch.cat([images, images.flip(-1)]))
        straight, mirrored = both.chunk(2)
        mirrored = flip_heatmaps(
            mirrored,
            flip_mode='heatmap',
            flip_indices=data_samples[0].metainfo['flip_indices'],
            shift_heatmap=self.test_cfg.get('shift_heatmap', False),
        )
        return (straight + mirrored) / 2


def heatmaps_of(network: nn.Module, images: Tensor) -> Tensor:
    """Heatmaps ``(B, K, h, w)`` of a top-down estimator."""
    return network(images, None, mode='tensor')


def responses(
    labelled: Sequence[Tensor],
    weight: Tensor,
    teachers: Sequence[Tensor],
    students: Sequence[Sequence[Tensor]],
) -> dict[str, Tensor]:
    """Mean height of heatmaps, by which the paper tells a collapse (Fig. 3 and 7).

    The height of a heatmap is its maximum; means run over samples, joints and networks,
    on labelled images over joints with a label.

    Args:
        labelled: Each student's heatmaps on labelled images.
        weight: Labels that count ``(B, K)``.
        teachers: Each teacher's on the easy view, before the map to the hard one.
        students: Each student's on its hard views.

    Returns:
        ``response_labelled``, ``response_teacher``, ``response_student``.
    """
    with torch.no_grad():
        heights = torch.stack([_heights(maps) for maps in labelled]).mean(0)
        count = weight.sum().clamp(min=1e-8)
        return {
            'response_labelled': (heights * weight).sum() / count,
            'response_teacher': _mean_height(teachers),
            'response_student': _mean_height(
                [maps for paths in students for maps in paths]
            ),
        }


def _mean_height(heatmaps: Sequence[Tensor]) -> Tensor:
    return torch.stack([_heights(maps).mean() for maps in heatmaps]).mean()


def _heights(maps: Tensor) -> Tensor:
    """Maxima ``(B, K)``, float32: a mean over them in half precision loses digits."""
    return maps.amax(dim=(-2, -1)).float()


def common_plane(students: Sequence[nn.Module]) -> HeatmapPlane:
    """The plane of the students' heatmaps.

    Raises:
        ValueError: If a student's head gives no heatmaps, or several of a joint, or the
            planes differ.
    """
    planes = []
    for number, student in enumerate(students):
        head = getattr(student, 'head', None)
        if not isinstance(head, HeatmapHead) or head.decoder is None:
            raise ValueError(
                f'student {number} ({type(student).__name__}) has {type(head).__name__}'
                ' as head; expected a HeatmapHead, which gives one heatmap a joint, '
                'with its codec as decoder'
            )
        planes.append(HeatmapPlane.of(head.decoder))
    if len(set(planes)) != 1:
        raise ValueError(
            'students teach each other heatmap by heatmap and need the same codec, got '
            + '; '.join(map(str, planes))
        )
    return planes[0]


def check_joints(students: Sequence[nn.Module], metainfo: dict) -> None:
    """Refuse students whose number of joints is not that of the data.

    Raises:
        ValueError: If it is not.
    """
    expected = metainfo['num_keypoints']
    found = [getattr(student.head, 'out_channels', expected) for student in students]
    if any(number != expected for number in found):
        raise ValueError(
            f'students predict {found} joints, but {metainfo["dataset_name"]} has '
            f'{expected}; set out_channels of the heads to {expected}'
        )
