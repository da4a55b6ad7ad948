"""People in boxes, without any label."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
from mmengine.dataset import BaseDataset
from mmengine.fileio import exists, load
from mmpose.datasets.datasets.utils import parse_pose_metainfo
from mmpose.registry import DATASETS

from mmpose_ext.datasets.coco_entries import (
    ANNOTATION,
    CATEGORY,
    DETECTION,
    IMAGE,
    SIZE,
    box_of,
    check_entry,
)
from mmpose_ext.datasets.named_failures import run_pipeline

Boxes = Literal['annotations', 'detections', 'whole_image']

_INSTEAD = (
    "run a person detector over the images and give boxes='detections' and its COCO "
    "results as bbox_file, or take boxes='whole_image' if each image shows one person"
)


class _Box(NamedTuple):
    """A box of COCO: x, y, width, height in pixels."""

    image_id: int
    xywh: Sequence[float]
    score: float
    id: int


@DATASETS.register_module()
class UnlabelledPersons(BaseDataset):
    """People to learn from without labels.

    For data that MMPose's datasets do not take for training: images without annotations
    (COCO's unlabeled2017, "WILD" in the paper), boxes of a detector, images of one
    person each. Keypoints of the annotation file, if it has any, are never read.

    Boxes of annotated people, as of COCO TRAIN, say more than an unlabelled image does:
    where people are, and that they were worth annotating. Say so beside a result.

    Files: a COCO-style annotation file (``images`` with ``id``, ``file_name`` and, but
    for ``'detections'``, ``width`` and ``height``; ``categories`` may be missing), and
    a list of COCO detection results ``{image_id, category_id, bbox, score}``.

    Keys of a sample:

        - img_id, img_path, id
        - bbox ``(1, 4)`` left, top, right, bottom in pixels, float32, inside the image
        - bbox_score ``(1,)`` float32

    Args:
        ann_file: Annotation file, relative to ``data_root``.
        boxes: ``'annotations'``: those of people in the annotation file, crowds left
            out. ``'detections'``: those of ``bbox_file``. ``'whole_image'``.
        bbox_file: Detection results; relative to the working directory, as in MMPose.
        score_threshold: Least score of a detection.
        min_size: Least width and height of a box inside the image, pixels.
        data_root: Folder of the data.
        data_prefix: ``dict(img=...)``, folder of the images under ``data_root``.
        metainfo: Skeleton in MMPose's format, to compare it with that of labelled
            people; ``None`` says nothing about it.
        indices: Use only these people (a list), the first n or the last -n.
        serialize_data: As in MMEngine.
        pipeline: Transforms.
        lazy_init: Read the files at first use instead of now.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If an option is unknown, a file is damaged (the file and the entry
            are named), there are no boxes, images are not in the annotation file or
            lack their size, or no box is large and sure enough.
    """

    METAINFO: dict = {}

    def __init__(
        self,
        ann_file: str = '',
        *,
        boxes: Boxes = 'annotations',
        bbox_file: str | None = None,
        score_threshold: float = 0.0,
        min_size: float = 1.0,
        data_root: str | os.PathLike = '',
        data_prefix: Mapping[str, str] | None = None,
        metainfo: dict[str, Any] | None = None,
        indices: int | Sequence[int] | None = None,
        serialize_data: bool = True,
        pipeline: Sequence[dict | Callable] = (),
        lazy_init: bool = False,
    ) -> None:
        if boxes not in get_args(Boxes):
            raise ValueError(f'boxes={boxes!r}; expected one of {get_args(Boxes)}')
        if (boxes == 'detections') != (bbox_file is not None):
            raise ValueError(
                f'boxes={boxes!r} and bbox_file={bbox_file!r}; boxes are read from '
                "bbox_file with boxes='detections', and only then"
            )
        self.boxes, self.bbox_file = boxes, bbox_file
        self.score_threshold, self.min_size = score_threshold, min_size
        super().__init__(
            ann_file=ann_file,
            metainfo=metainfo,
            data_root=os.fspath(data_root),
            data_prefix=dict(data_prefix or {'img': ''}),
            indices=indices,
            serialize_data=serialize_data,
            pipeline=list(pipeline),
            lazy_init=lazy_init,
            max_refetch=0,
        )

    @classmethod
    def _load_metainfo(cls, metainfo: dict[str, Any] | None = None) -> dict[str, Any]:
        """Parse a skeleton, if there is one."""
        if not metainfo:
            return {}
        with warnings.catch_warnings():
            # MMPose warns when it takes the file from its own package, as it should.
            warnings.filterwarnings('ignore', message='The metainfo config file')
            return parse_pose_metainfo(dict(metainfo))

    def load_data_list(self) -> list[dict[str, Any]]:
        """Read the files."""
        content = _load(self.ann_file, 'annotation file')
        if not isinstance(content, dict) or not content.get('images'):
            raise ValueError(
                f'{self.ann_file} lists no images; expected a COCO-style annotation '
                'file'
            )
        images = {}
        for number, image in enumerate(content['images']):
            check_entry(image, f'{self.ann_file}: images[{number}]', IMAGE, SIZE)
            images[image['id']] = image
        found = list(self._boxes(content))
        self._check_known({box.image_id for box in found}, images)
        people = (self._person(images[box.image_id], box) for box in found)
        kept = [person for person in people if person is not None]
        if not kept:
            raise ValueError(
                f'none of the {len(found)} boxes of {self.bbox_file or self.ann_file} '
                f'is at least {self.min_size} pixels wide and high inside its image '
                f'with a score of at least {self.score_threshold}; lower min_size or '
                'score_threshold'
            )
        return kept

    def summary(self) -> str:
        """One line for people."""
        source = {
            'annotations': 'in boxes of',
            'detections': f'in boxes of {self.bbox_file}, images of',
            'whole_image': 'one an image, of',
        }[self.boxes]
        return f'{len(self)} people {source} {self.ann_file}'

    def prepare_data(self, idx: int) -> Any:
        """Run the pipeline on a person; what goes wrong names the image."""
        return run_pipeline(self.pipeline, self.get_data_info(idx))

    def _boxes(self, content: dict[str, Any]) -> Iterator[_Box]:
        """All boxes of people."""
        if self.boxes == 'whole_image':
            for image in content['images']:
                whole = (0, 0, *_size_of(image, self.ann_file))
                yield _Box(image['id'], whole, 1.0, image['id'])
        elif self.boxes == 'detections':
            yield from self._detections()
        else:
            yield from self._annotations(content)

    def _annotations(self, content: dict[str, Any]) -> Iterator[_Box]:
        categories = content.get('categories') or ()
        for number, category in enumerate(categories):
            where = f'{self.ann_file}: categories[{number}]'
            check_entry(category, where, CATEGORY)
        person = {c['id'] for c in categories if c['name'] == 'person'} or {1}
        boxes = 0
        for number, annotation in enumerate(content.get('annotations') or ()):
            where = f'{self.ann_file}: annotations[{number}]'
            check_entry(annotation, where, ANNOTATION)
            if 'bbox' not in annotation:
                continue
            boxes += 1
            kind = annotation.get('category_id', 1)
            if kind in person and not annotation.get('iscrowd', 0):
                box = box_of(annotation, where)
                yield _Box(annotation['image_id'], box, 1.0, annotation['id'])
        if not boxes:
            raise ValueError(f'{self.ann_file} has no boxes; {_INSTEAD}')

    def _detections(self) -> Iterator[_Box]:
        results = _load(self.bbox_file, 'bbox_file', f'; {_INSTEAD}')
        if not isinstance(results, list):
            raise ValueError(
                f'{self.bbox_file} holds a {type(results).__name__}; expected a list '
                'of COCO detection results {image_id, category_id, bbox, score}'
            )
        for number, result in enumerate(results):
            where = f'{self.bbox_file}: entry {number}'
            check_entry(result, where, DETECTION)
            if result['category_id'] == 1 and result['score'] >= self.score_threshold:
                box = box_of(result, where)
                yield _Box(result['image_id'], box, result['score'], number)

    def _check_known(self, image_ids: set, images: dict[int, Any]) -> None:
        unknown = sorted(image_ids - images.keys(), key=str)
        if unknown:
            raise ValueError(
                f'{len(unknown)} images with boxes are not in {self.ann_file}, such as '
                f'image_id {", ".join(map(str, unknown[:5]))}; '
                f'{self.bbox_file or "its annotations"} must be of the same images'
            )

    def _person(self, image: dict[str, Any], box: _Box) -> dict[str, Any] | None:
        """A sample, or ``None`` if the box is too small."""
        x, y, width, height = box.xywh
        corners = np.array([x, y, x + width, y + height], dtype=np.float32)
        if 'width' in image and 'height' in image:
            last = np.array([image['width'], image['height']] * 2) - 1
            corners = np.clip(corners, 0, last).astype(np.float32)
        if not (corners[2:] - corners[:2] >= max(self.min_size, 1e-6)).all():
            return None
        return {
            'img_id': image['id'],
            'img_path': os.path.join(self.data_prefix['img'], image['file_name']),
            'id': box.id,
            'bbox': corners[None],
            'bbox_score': np.array([box.score], dtype=np.float32),
        }


def _load(path: str | None, what: str, instead: str = '') -> Any:
    if not path or not exists(path):
        raise FileNotFoundError(f'{what} {path!r} does not exist{instead}')
    try:
        return load(path)
    except (ValueError, TypeError) as error:  # no JSON, not even text, or another kind
        raise ValueError(
            f'{what} {path} cannot be read ({error}); expected JSON, perhaps it is cut '
            'off: make or download it again'
        ) from error


def _size_of(image: dict[str, Any], path: str) -> tuple[int, int]:
    if 'width' not in image or 'height' not in image:
        raise ValueError(
            f'{path}: image {image["id"]} has no width and height, which '
            "boxes='whole_image' needs"
        )
    return image['width'], image['height']
