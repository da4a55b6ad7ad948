"""Keypoints of the people in frames by a top-down estimator of MMPose."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from mmpose.apis.inference import dataset_meta_from_config
from mmpose.models.heads.base_head import BaseHead
from mmpose.registry import MODELS
from torch import Tensor

from mmpose_ext.apis.appearance import colour_histograms
from mmpose_ext.apis.frame_people import FramePeople, PersonBoxes
from mmpose_ext.apis.trained_network import TrainedNetwork
from mmpose_ext.apis.video_frames import VideoFrame
from mmpose_ext.geometry.joint_maps import JOINT_SETS, scores_to_h36m17, to_h36m17


class KeypointEstimator:
    """A top-down estimator, run on people of several frames at a time.

    Its own test pipeline crops and scales the people. Its joints are mapped to those of
    Human3.6M.

    Args:
        config: Config file.
        checkpoint: Weights. Which joints they find is read from their metadata, else
            from the config's data.
        batch_size: People of a batch.
        device: A GPU where there is one, if ``None``.
        amp: Run in half precision on a GPU.
        trust_checkpoint: Read checkpoints that hold objects of any type.

    Raises:
        FileNotFoundError: If a file does not exist.
        ValueError: If the checkpoint does not fit, or the joints are not known here.
    """

    def __init__(
        self,
        config: str | os.PathLike,
        checkpoint: str | os.PathLike,
        *,
        batch_size: int = 64,
        device: str | None = None,
        amp: bool = False,
        trust_checkpoint: bool = False,
    ) -> None:
        if batch_size < 1:
            raise ValueError(f'batch_size={batch_size}; expected 1 or more people')
        self.batch_size = batch_size
        self.network = TrainedNetwork(
            config,
            checkpoint,
            registry=MODELS,
            device=device,
            amp=amp,
            trust_checkpoint=trust_checkpoint,
        )
        if self.network.amp:
            decode_in_full_precision(self.network.model.head)
        self.dataset_meta = _dataset_meta(self.network)
        self.joint_set = joint_set_of(self.dataset_meta, str(config))
        steps = [dict(step) for step in self.network.test_dataset.pipeline]
        self.pipeline = self.network.pipeline(steps)

    def __call__(
        self, frames: Sequence[VideoFrame], boxes: Sequence[PersonBoxes]
    ) -> list[FramePeople]:
        """People of each frame.

        Args:
            frames: Frames.
            boxes: Of the people in each.

        Returns:
            Their keypoints and colours, in the order of the boxes.
        """
        counts = [len(people) for people in boxes]
        samples = [
            self._sample(frame.image, people, row)
            for frame, people in zip(frames, boxes, strict=True)
            for row in range(len(people))
        ]
        keypoints, scores = self._estimate(samples)
        ends = np.cumsum(counts)[:-1]
        return [
            FramePeople(
                boxes=people.boxes,
                scores=people.scores,
                keypoints=points,
                keypoint_scores=faith,
                colours=colour_histograms(frame.image, points, faith),
            )
            for frame, people, points, faith in zip(
                frames,
                boxes,
                np.split(keypoints, ends),
                np.split(scores, ends),
                strict=True,
            )
        ]

    def _sample(self, image: np.ndarray, people: PersonBoxes, row: int) -> dict:
        """A person as the pipeline takes it, with the image not copied."""
        return {
            **self.dataset_meta,
            'img': image,
            'bbox': people.boxes[row][None],
            'bbox_score': people.scores[row][None],
        }

    def _estimate(self, samples: list[dict]) -> tuple[np.ndarray, np.ndarray]:
        """Keypoints ``(P, 17, 2)`` and scores ``(P, 17)``."""
        joints = len(JOINT_SETS[self.joint_set])
        keypoints = np.zeros((len(samples), joints, 2), np.float32)
        scores = np.zeros((len(samples), joints), np.float32)
        for start in range(0, len(samples), self.batch_size):
            rows = samples[start : start + self.batch_size]
            outputs = self.network.run([self.pipeline(row) for row in rows])
            for number, output in enumerate(outputs, start):
                keypoints[number] = output.pred_instances.keypoints[0]
                scores[number] = output.pred_instances.keypoint_scores[0]
        # Some heads give heights of heatmaps, which may lie a little outside.
        scores = np.clip(scores, 0, 1)
        return (
            to_h36m17(keypoints, self.joint_set).astype(np.float32),
            scores_to_h36m17(scores, self.joint_set).astype(np.float32),
        )


def decode_in_full_precision(head: BaseHead) -> None:
    """Let a head decode what it predicts as float32, whatever it was computed in.

    Codecs work in NumPy and OpenCV, some of which (DARK's blurred heatmaps) do not take
    the half precision that a head gives under autocast.

    Args:
        head: Of a top-down estimator, changed in place.
    """
    decode = head.decode

    def decode_float32(outputs: Tensor | tuple[Tensor, ...]) -> Any:
        if isinstance(outputs, tuple):
            return decode(tuple(output.float() for output in outputs))
        return decode(outputs.float())

    setattr(head, 'decode', decode_float32)  # noqa: B010 - mypy knows it as a method


def joint_set_of(dataset_meta: Mapping[str, Any], config: str) -> str:
    """Which of the known joint sets an estimator finds, by the names of its joints.

    Args:
        dataset_meta: As :func:`mmpose.datasets.datasets.utils.parse_pose_metainfo`
            makes it.
        config: Named in the error.

    Raises:
        ValueError: If it is none of :data:`~mmpose_ext.geometry.joint_maps.JOINT_SETS`.
    """
    names = dataset_meta['keypoint_id2name']
    given = tuple(str(names[number]) for number in sorted(names))
    for joint_set, known in JOINT_SETS.items():
        if given == tuple(known):
            return joint_set
    known_sets = ', '.join(f'{name} ({len(j)})' for name, j in JOINT_SETS.items())
    raise ValueError(
        f'{config} finds {len(given)} joints of '
        f'{dataset_meta.get("dataset_name", "an unnamed set")!r} ({given[0]}, ..., '
        f'{given[-1]}); expected one of the joint sets {known_sets}, with the same '
        'names in the same order'
    )


def _dataset_meta(network: TrainedNetwork) -> dict[str, Any]:
    """Of the checkpoint, else of the config's data."""
    meta = network.meta.get('dataset_meta')
    if meta and 'keypoint_id2name' in meta:
        return dict(meta)
    with warnings.catch_warnings():  # MMPose takes its own copy of the file
        warnings.filterwarnings('ignore', 'The metainfo config file')
        for part in ('test', 'train'):
            meta = dataset_meta_from_config(network.cfg, dataset_mode=part)
            if meta is not None:
                return dict(meta)
    raise ValueError(
        f'neither {network.config} nor its checkpoint says which joints are found; '
        "give the config's test data "
        "metainfo=dict(from_file='configs/_base_/datasets/coco.py') or alike"
    )
