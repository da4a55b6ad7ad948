"""Where people are in frames, found by a detector of MMDetection."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmdet.registry import DATASETS, MODELS
from mmdet.utils import register_all_modules

from mmpose_ext.apis.frame_people import PersonBoxes
from mmpose_ext.apis.trained_network import TrainedNetwork
from mmpose_ext.apis.video_frames import VideoFrame

PERSON = 'person'


class PersonDetector:
    """A detector of MMDetection, run on several frames at a time.

    Its own test pipeline is used, with frames in the place of files.

    Args:
        config: Config file.
        checkpoint: Weights. Which classes they know is read from their metadata, else
            from the config.
        score_threshold: Boxes with a lower score are left out. The tracker lets boxes
            of a low score go on with a person, so it should be low.
        device: A GPU where there is one, if ``None``.
        amp: Run in half precision on a GPU.
        trust_checkpoint: Read checkpoints that hold objects of any type.

    Raises:
        FileNotFoundError: If a file does not exist.
        ValueError: If the checkpoint does not fit, or it does not know people, or the
            threshold is out of range.
    """

    def __init__(
        self,
        config: str | os.PathLike,
        checkpoint: str | os.PathLike,
        *,
        score_threshold: float = 0.2,
        device: str | None = None,
        amp: bool = False,
        trust_checkpoint: bool = False,
    ) -> None:
        if not 0 <= score_threshold <= 1:
            raise ValueError(
                f'score_threshold={score_threshold}; expected a score from 0 to 1'
            )
        register_all_modules(init_default_scope=False)
        self.score_threshold = score_threshold
        self.network = TrainedNetwork(
            config,
            checkpoint,
            registry=MODELS,
            device=device,
            amp=amp,
            trust_checkpoint=trust_checkpoint,
        )
        self.label = person_label(_class_names(self.network), str(config))
        steps = [dict(step) for step in self.network.test_dataset.pipeline]
        steps[0]['type'] = 'mmdet.LoadImageFromNDArray'
        self.pipeline = self.network.pipeline(steps)

    def __call__(self, frames: Sequence[VideoFrame]) -> list[PersonBoxes]:
        """Boxes of people in each frame, best first."""
        samples = [
            self.pipeline(dict(img=frame.image, img_id=frame.index)) for frame in frames
        ]
        return [self._people(sample) for sample in self.network.run(samples)]

    def _people(self, sample: Any) -> PersonBoxes:
        found = sample.pred_instances.cpu()
        scores = found.scores.float().numpy()
        chosen = (found.labels.numpy() == self.label) & (scores >= self.score_threshold)
        order = np.argsort(-scores[chosen], kind='stable')
        boxes = found.bboxes.float().numpy()[chosen][order]
        return PersonBoxes(boxes, scores[chosen][order])

    def __str__(self) -> str:
        return (
            f'the detector {Path(self.network.config).name} with boxes from a score of '
            f'{self.score_threshold:g} on'
        )


def person_label(classes: Sequence[str], config: str) -> int:
    """Which of a detector's classes are people.

    A detector of one class only is taken to find people, whatever the class is called.

    Raises:
        ValueError: If no class is called ``'person'``.
    """
    names = [str(name).lower() for name in classes]
    if PERSON in names:
        return names.index(PERSON)
    if len(names) == 1:
        return 0
    raise ValueError(
        f'{config} detects {", ".join(names[:10])}{", ..." * (len(names) > 10)}; '
        f'expected a detector with the class {PERSON!r}'
    )


def _class_names(network: TrainedNetwork) -> Sequence[str]:
    """Names of the classes: of the checkpoint, else of the config's test data."""
    dataset = network.test_dataset
    registered = getattr(DATASETS.get(dataset.type), 'METAINFO', {})
    for meta in (network.meta.get('dataset_meta'), dataset.get('metainfo'), registered):
        names = {key.lower(): value for key, value in (meta or {}).items()}.get(
            'classes'
        )
        if names:
            return [names] if isinstance(names, str) else list(names)
    raise ValueError(
        f'neither {network.config} nor its checkpoint says which classes are detected; '
        "give the config's test data metainfo=dict(classes=('person',))"
    )
