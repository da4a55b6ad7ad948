"""JointDetectionRate: how often the 2D joints of the limbs are found."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from mmengine.evaluator import BaseMetric
from mmengine.logging import MMLogger
from mmpose.registry import METRICS

from mmpose_ext.evaluation.functional.joint_detection_rate import joint_detection_rate
from mmpose_ext.evaluation.metrics.limb_keypoints import (
    check_groups,
    limb_columns,
    one_person,
    skeleton_of,
)
from mmpose_ext.evaluation.metrics.scored_frames import to_array


@METRICS.register_module()
class JointDetectionRate(BaseMetric):
    """Joint detection rate (JDR) on Human3.6M, per cent.

    The 2D score of Xie et al., ICCV 2021, Table 7: a joint is detected if its error is
    below a threshold that depends on the size of the head. The paper does not say
    which: here it is half the distance between neck base and head in the image, which
    is some 13 px for somebody 5 m from a Human3.6M camera. An earlier evaluation of the
    same laboratory takes a constant, a tenth of the width of the network's input, for
    the head; ``head_size=25.6`` does so for 256.

    Names of results: ``JDR/<group>``, over the left and the right joint of a group in
    all samples, and ``JDR``, the mean over the groups.

    Expected in a data sample, as stock top-down data sets and estimators make it:
    ``pred_instances.keypoints``, ``gt_instances.keypoints``,
    ``gt_instances.keypoints_visible``, one person, pixels of the whole image. The
    skeletons of prediction and truth may differ; joints are found by name.

    Args:
        threshold: In head sizes.
        head: Two joints of the truth, by name; their distance is the head's size.
        head_size: A constant size in pixels instead.
        joint_groups: Any of shoulder, elbow, wrist, hip, knee, ankle.
        pred_skeleton: Joints of the prediction: ``'mpii16'``, ``'coco17'``,
            ``'h36m17'``, a list of names, or ``None`` for those of the data set.
        collect_device: As in MMEngine.
        prefix: As in MMEngine.
        collect_dir: As in MMEngine.

    Raises:
        ValueError: If an option is out of range; later, if a sample does not hold one
            person, a skeleton lacks a joint, or no sample can be scored.
    """

    default_prefix = ''

    def __init__(
        self,
        threshold: float = 0.5,
        *,
        head: Sequence[str] = ('neck_base', 'head'),
        head_size: float | None = None,
        joint_groups: Sequence[str] = ('knee', 'ankle', 'elbow', 'wrist'),
        pred_skeleton: str | Sequence[str] | None = None,
        collect_device: str = 'cpu',
        prefix: str | None = None,
        collect_dir: str | None = None,
    ) -> None:
        super().__init__(collect_device, prefix, collect_dir)
        if not threshold > 0 or (head_size is not None and not head_size > 0):
            raise ValueError(
                f'threshold={threshold} and head_size={head_size} must be positive'
            )
        if isinstance(head, str) or len(set(head)) != 2:
            raise ValueError(f'head={head!r}; expected the names of two joints')
        if isinstance(pred_skeleton, str):
            skeleton_of(pred_skeleton, None)  # a wrong name ends here
        self.threshold, self.head, self.head_size = threshold, tuple(head), head_size
        self.joint_groups = check_groups(joint_groups)
        self.pred_skeleton = pred_skeleton

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Keep the limbs of each sample: prediction, truth, visibility, head.

        Args:
            data_batch: Not used.
            data_samples: Samples as described at the class.
        """
        truth_names = skeleton_of(None, self.dataset_meta)
        pred_names = skeleton_of(self.pred_skeleton, self.dataset_meta)
        pred_limbs = limb_columns(pred_names, self.joint_groups)
        true_limbs = limb_columns(truth_names, self.joint_groups)
        for sample in data_samples:
            pred = one_person(sample, 'pred_instances', len(pred_names))
            truth = one_person(sample, 'gt_instances', len(truth_names))
            visible = to_array(sample['gt_instances']['keypoints_visible'])
            # (1, K), or (1, K, 2) where a codec has put weights beside the flags.
            visible = visible.reshape(len(truth_names), -1)[:, 0] > 0
            head = self._head_size(truth, visible, truth_names)
            self.results.append(
                (pred[pred_limbs], truth[true_limbs], visible[true_limbs], head)
            )

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Shares over all samples, per cent.

        Args:
            results: What :meth:`process` kept, of all ranks.
        """
        pred, truth, visible, head = map(np.stack, zip(*results, strict=True))
        no_head = int(np.isnan(head).sum())
        if no_head == len(head):
            raise ValueError(
                f'none of {len(head)} samples has {" and ".join(self.head)}, which '
                'measure the head; give head_size in pixels or other joints as head'
            )
        # Left and right are two samples of one joint.
        groups = len(self.joint_groups)
        rates = joint_detection_rate(
            _by_group(pred, groups),
            _by_group(truth, groups),
            torch.from_numpy(head)[:, None].expand(-1, 2),
            threshold=self.threshold,
            seen=_by_group(visible, groups),
        )
        shares = {
            name: 100 * float(rate)
            for name, rate in zip(self.joint_groups, rates, strict=True)
        }
        known = [share for share in shares.values() if not math.isnan(share)]
        mean = sum(known) / len(known) if known else math.nan
        MMLogger.get_current_instance().info(
            f'JDR over {len(head) - no_head} samples, threshold {self.threshold:g} x '
            f'{self._head_in_words()}; {no_head} samples without a head left out'
        )
        return {'JDR': mean, **{f'JDR/{name}': v for name, v in shares.items()}}

    def _head_size(
        self, truth: np.ndarray, visible: np.ndarray, names: Sequence[str]
    ) -> np.float32:
        if self.head_size is not None:
            return np.float32(self.head_size)
        missing = [name for name in self.head if name not in names]
        if missing:
            raise ValueError(
                f'head={self.head}, but there is no {", ".join(missing)} among '
                f'{list(names)}; give others, or head_size in pixels'
            )
        first, second = (names.index(name) for name in self.head)
        if not (visible[first] and visible[second]):
            return np.float32(np.nan)
        return np.linalg.norm(truth[first] - truth[second]).astype(np.float32)

    def _head_in_words(self) -> str:
        if self.head_size is not None:
            return f'{self.head_size:g} px'
        return f'the distance from {" to ".join(self.head)}'


def _by_group(values: np.ndarray, groups: int) -> torch.Tensor:
    """``(N, 2 G, ...)`` as ``(N, 2, G, ...)``: left and right beside each other."""
    return torch.from_numpy(values).unflatten(1, (groups, 2)).transpose(1, 2)
