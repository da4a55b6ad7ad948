"""A network on people who are turned, zoomed or altered otherwise."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import torch
from mmengine.evaluator import Evaluator
from mmengine.structures import InstanceData
from mmpose.datasets.transforms import TopdownAffine
from mmpose.structures import PoseDataSample
from mmpose.structures.bbox import get_udp_warp_matrix, get_warp_matrix
from torch import Tensor, nn
from torch.utils.data import Dataset

from mmpose_ext.geometry.similarity import compose, invert, transform_points


@dataclass
class Trial:
    """One view, drawn once.

    Args:
        name: Of the view.
        generator: Of its random numbers.
        evaluator: Of its predictions.
        operator: An image operator; ``None`` for what the loader makes.
        maps: Similarities of the input plane, one a person ``(N, 2, 3)``; ``None``
            leaves it as it is.
    """

    name: str
    generator: torch.Generator
    evaluator: Evaluator
    operator: nn.Module | None = None
    maps: Tensor | None = None


class Viewer:
    """A network and how it sees images.

    Args:
        model: Whose data preprocessor is used.
        network: A top-down estimator.
        device: Of both.
    """

    def __init__(self, model: Any, network: Any, device: str) -> None:
        self.preprocessor, self.network = model.data_preprocessor, network
        self.device = torch.device(device)
        mean = getattr(self.preprocessor, 'mean', torch.zeros(3, 1, 1))
        std = getattr(self.preprocessor, 'std', torch.ones(3, 1, 1))
        self.mean, self.std = mean.to(self.device), std.to(self.device)

    def normalized(self, images: Tensor) -> Tensor:
        """Images as the network takes them.

        Args:
            images: ``(B, 3, H, W)``, uint8, as loaded.
        """
        batch = {'inputs': list(images), 'data_samples': []}
        return self.preprocessor(batch, False)['inputs']

    def altered(
        self, images: Tensor, seen: Sequence[InstanceData], trial: Trial
    ) -> Tensor:
        """Normalised images with the operator of a trial applied to what they show."""
        assert trial.operator is not None
        joints, scores = (
            torch.from_numpy(np.concatenate([one[key] for one in seen])).float()
            for key in ('keypoints', 'keypoint_scores')
        )
        changed = trial.operator(
            images * self.std + self.mean,
            joints.to(self.device),
            scores.to(self.device),
            generator=trial.generator,
            fill=self.mean.flatten().expand(3),
        )
        return (changed - self.mean) / self.std

    def predict(
        self, images: Tensor, samples: Sequence[PoseDataSample]
    ) -> list[InstanceData]:
        """Joints in input pixels, without flip test."""
        features = self.network.extract_feat(images)
        found = self.network.head.predict(features, samples, test_cfg={})
        return found[0] if isinstance(found, tuple) else found

    def score(
        self,
        trial: Trial,
        found: Sequence[InstanceData],
        samples: Sequence[PoseDataSample],
        maps: Tensor | None = None,
    ) -> None:
        """Bring joints of a view to the image, and hand them to the metrics."""
        own = [instances.clone() for instances in found]
        for number, instances in enumerate(own):
            keypoints = instances.keypoints.astype(np.float32)
            if maps is not None:
                points = torch.from_numpy(keypoints)
                keypoints = transform_points(invert(maps[number]), points).numpy()
            instances.keypoints = keypoints.copy()
        outputs = [sample.clone() for sample in samples]
        self.network.add_pred_to_datasample(own, None, outputs)
        trial.evaluator.process(outputs)


class AlteredCrops(Dataset):
    """The test people, each in its plain view and in turned and zoomed ones.

    Args:
        dataset: A top-down dataset whose pipeline cuts people out by
            ``TopdownAffine``.
        maps: Similarities of the input plane for each person ``(V, N, 2, 3)``.

    Raises:
        ValueError: If the pipeline has no ``TopdownAffine``.
    """

    def __init__(self, dataset: Any, maps: Tensor) -> None:
        self.dataset, self.maps = dataset, maps
        transforms = list(dataset.pipeline.transforms)
        place = affine_of(transforms)
        self.before, self.after = transforms[:place], transforms[place + 1 :]
        self.affine = transforms[place]

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> tuple[Tensor, PoseDataSample]:
        """Crops ``(1 + V, 3, H, W)``, uint8, the plain one first, and the sample."""
        results = self.dataset.get_data_info(index)
        for transform in self.before:
            results = transform(results)
        image = results['img']
        results = self.affine(results)
        crops = [results['img'], *self._turned(image, results, self.maps[:, index])]
        for transform in self.after:
            results = transform(results)
        stack = np.stack(crops).transpose(0, 3, 1, 2)
        return torch.from_numpy(np.ascontiguousarray(stack)), results['data_samples']

    def _turned(
        self, image: np.ndarray, results: dict[str, Any], maps: Tensor
    ) -> Iterator[np.ndarray]:
        warp_matrix = get_udp_warp_matrix if self.affine.use_udp else get_warp_matrix
        plain = torch.from_numpy(
            warp_matrix(
                results['input_center'],
                results['input_scale'],
                float(np.ravel(results.get('bbox_rotation', 0.0))[0]),
                self.affine.input_size,
            )
        )
        for matrix in compose(maps.double(), plain.expand(len(maps), 2, 3)):
            yield cv2.warpAffine(
                image, matrix.numpy(), self.affine.input_size, flags=cv2.INTER_LINEAR
            )


def affine_of(transforms: Sequence[Any]) -> int:
    """Place of ``TopdownAffine`` in a pipeline.

    Raises:
        ValueError: If there is none.
    """
    for place, transform in enumerate(transforms):
        if type(transform) is TopdownAffine:
            return place
    kinds = [type(transform).__name__ for transform in transforms]
    raise ValueError(
        f'the test pipeline {kinds} has no TopdownAffine, so there is no box to turn; '
        'give the config of a top-down estimator'
    )


def look(
    viewer: Viewer,
    trials: Sequence[Trial],
    stack: Tensor,
    samples: Sequence[PoseDataSample],
    people: slice,
) -> None:
    """Predict one batch in all views.

    Args:
        viewer: The network.
        trials: The unaltered one first.
        stack: Crops ``(B, 1 + V, 3, H, W)``.
        samples: One a person.
        people: Their numbers in the dataset.
    """
    plain = viewer.normalized(stack[:, 0])
    seen = viewer.predict(plain, samples)
    viewer.score(trials[0], seen, samples)
    place = 1
    for trial in trials[1:]:
        if trial.maps is None:
            images = viewer.altered(plain, seen, trial)
            viewer.score(trial, viewer.predict(images, samples), samples)
        else:
            images = viewer.normalized(stack[:, place])
            found = viewer.predict(images, samples)
            viewer.score(trial, found, samples, trial.maps[people])
            place += 1
