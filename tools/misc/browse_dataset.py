"""Draw samples of a dataset: 2D input beside 3D target, or people in images.

    python tools/misc/browse_dataset.py CONFIG --output-dir pictures
    python tools/misc/browse_dataset.py CONFIG --output-dir pictures --phase val \
        --number 20 --mode original

Of a lifting dataset it draws the middle frame of windows. Of labelled people it draws
the joints, of unlabelled ones the frame of the network's input in the piece of the
image from which views are made. It needs no display.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from matplotlib.figure import Figure
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmpose.registry import DATASETS

from mmpose_ext.engine.hooks.pose_picture_hook import bones_of, spread
from mmpose_ext.engine.launch import add_cfg_options
from mmpose_ext.visualization.curves import new_figure
from mmpose_ext.visualization.person import draw_person
from mmpose_ext.visualization.pose3d import draw_input_and_target


class Frame(NamedTuple):
    """What is drawn of a sample.

    Attributes:
        name: Of the sample and the frame.
        keypoints: 2D, y down, `(K, 2)`.
        pose: Root-relative, camera axes, `(K, 3)`.
        image_size: Width and height where the keypoints are pixels.
    """

    name: str
    keypoints: np.ndarray
    pose: np.ndarray
    image_size: tuple[float, float] | None


class Person(NamedTuple):
    """What is drawn of a person in an image.

    Attributes:
        name: Of the image and the person.
        image: RGB, `(H, W, 3)`.
        keypoints: Of a labelled person, pixels, `(1, K, 2)`.
        visible: Joints with a label, `(1, K)`.
        outline: Corners of the box or of the network's input, pixels, `(4, 2)`.
    """

    name: str
    image: np.ndarray
    keypoints: Any
    visible: Any
    outline: np.ndarray | None


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line; names are those of MMPose's tool where it has them."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('config', help='config file')
    parser.add_argument('--output-dir', required=True, help='folder for the pictures')
    parser.add_argument('--phase', default='train', choices=['train', 'val', 'test'])
    parser.add_argument(
        '--number',
        '--max-item-per-dataset',
        type=int,
        default=10,
        help='samples to draw, spread evenly over the dataset',
    )
    parser.add_argument(
        '--mode',
        default='transformed',
        choices=['original', 'transformed'],
        help='what is stored, in pixels, or what the network sees',
    )
    add_cfg_options(parser)
    return parser.parse_args(argv)


def build_dataset(cfg: Config, phase: str, mode: str) -> Any:
    """The dataset of a phase; in mode `original` its pipelines load images at most.

    Raises:
        ValueError: If the config has no such data loader.
    """
    loader = cfg.get(f'{phase}_dataloader')
    if loader is None:
        raise ValueError(f'{cfg.filename} has no {phase}_dataloader')
    if mode == 'original':
        for key in [k for k in loader.dataset if k.endswith('pipeline')]:
            kept = [t for t in loader.dataset[key] if t['type'] == 'LoadImage']
            loader.dataset[key] = kept
    init_default_scope(cfg.get('default_scope', 'mmpose'))
    return DATASETS.build(loader.dataset)


def frame_of(sample: dict[str, Any]) -> Frame:
    """The middle frame of a sample, packed or not.

    Args:
        sample: What the dataset returns.

    Raises:
        ValueError: If it is no lifting sample.
    """
    if 'data_samples' in sample:
        keypoints = sample['inputs'].numpy()
        data_sample = sample['data_samples']
        pose = data_sample.gt_instances.get('lifting_target')
        meta, size = data_sample.metainfo, None
    else:
        keypoints, pose, meta = (
            sample.get('keypoints'),
            sample.get('lifting_target'),
            sample,
        )
        camera = sample.get('camera_param', {})
        size = (camera['w'], camera['h']) if 'w' in camera else None
    if pose is None or keypoints is None or np.ndim(pose) != 3:
        raise ValueError(
            'expected samples with an image, or with 2D keypoints and a lifting_target '
            'of shape (T, K, 3); this tool draws people and lifting datasets only'
        )
    middle = len(pose) // 2
    pose = np.asarray(pose[middle], dtype=float)
    name = f'{meta.get("sample_name", "sample")} frame {middle}'
    return Frame(name, np.asarray(keypoints[middle])[:, :2], pose - pose[:1], size)


def person_of(sample: dict[str, Any], input_size: tuple[int, int]) -> Person:
    """The person of a sample, packed or not.

    Args:
        sample: What the dataset returns.
        input_size: Width and height of the network's input.
    """
    if 'img' in sample:
        box = sample['bbox'].reshape(-1)
        corners = box[[0, 1, 2, 1, 2, 3, 0, 3]].reshape(4, 2)
        labels = (sample.get(key) for key in ('keypoints', 'keypoints_visible'))
        return Person(_name_of(sample), sample['img'][..., ::-1], *labels, corners)
    data_sample = sample['data_samples']
    image = sample['inputs'].permute(1, 2, 0).numpy()[..., ::-1]
    meta, corners = data_sample.metainfo, None
    if 'source_to_input' in meta:
        map_ = meta['source_to_input'].numpy()
        last_x, last_y = input_size[0] - 1, input_size[1] - 1
        corners = np.array([[0, 0], [last_x, 0], [last_x, last_y], [0, last_y]])
        corners = np.linalg.solve(map_[:, :2], (corners - map_[:, 2]).T).T
    return Person(_name_of(meta), image, *_packed_joints(data_sample), corners)


def _packed_joints(data_sample: Any) -> tuple[Any, Any]:
    """Joints in the crop and which are labelled, as either transform packs them."""
    if 'gt_instance_labels' in data_sample:
        labels = data_sample.gt_instance_labels
        if 'keypoints' in labels:
            return labels.keypoints, labels.keypoint_weights
    if 'gt_instances' in data_sample:
        instances = data_sample.gt_instances
        if 'transformed_keypoints' in instances:
            return instances.transformed_keypoints, instances.keypoints_visible
    return None, None


def _name_of(meta: dict[str, Any]) -> str:
    role = meta.get('role')
    return f'{Path(meta["img_path"]).name}, person {meta.get("id", "?")}' + (
        f', {role}' if role else ''
    )


def is_person(sample: Any) -> bool:
    """Whether a sample has an image."""
    inputs = sample.get('inputs')
    return 'img' in sample or getattr(inputs, 'dtype', None) == torch.uint8


def draw_sample(
    sample: dict[str, Any], metainfo: dict[str, Any], input_size: tuple[int, int]
) -> Figure:
    """A picture of a sample."""
    if not is_person(sample):
        return draw(frame_of(sample), metainfo)
    person = person_of(sample, input_size)
    keypoints, visible = (
        None if values is None else np.asarray(values)[0]
        for values in (person.keypoints, person.visible)
    )
    return draw_person(
        new_figure(width=4.0, height=4.0),
        person.image,
        keypoints=keypoints,
        visible=visible,
        edges=metainfo.get('skeleton_links', ()),
        outline=person.outline,
        title=person.name,
    )


def draw(frame: Frame, metainfo: dict[str, Any]) -> Figure:
    """A picture of one frame."""
    edges, colours = bones_of(len(frame.pose), metainfo)
    return draw_input_and_target(
        new_figure(width=7.0, height=3.6),
        frame.keypoints,
        frame.pose,
        edges=edges,
        edge_colours=colours,
        titles=(f'{frame.name}\n2D input', '3D target'),
        image_size=frame.image_size,
    )


def input_size_of(sample: dict[str, Any]) -> tuple[int, int]:
    """Width and height of a packed image, (0, 0) if there is none."""
    if 'img' in sample or not is_person(sample):
        return (0, 0)
    return (sample['inputs'].shape[2], sample['inputs'].shape[1])


def main(argv: Sequence[str] | None = None) -> list[Path]:
    """Draw.

    Returns:
        The pictures.
    """
    args = parse_args(argv)
    cfg = Config.fromfile(args.config)
    cfg.merge_from_dict(args.cfg_options)
    dataset = build_dataset(cfg, args.phase, args.mode)
    if hasattr(dataset, 'summary'):
        print(dataset.summary())
    folder = Path(args.output_dir)
    folder.mkdir(parents=True, exist_ok=True)
    # Labelled people come first, and their crops are the network's input.
    input_size = input_size_of(dataset[0])
    paths = []
    for index in spread(len(dataset), args.number):
        path = folder / f'{args.phase}_{index:08d}.png'
        draw_sample(dataset[index], dataset.metainfo, input_size).savefig(path)
        paths.append(path)
    print(f'wrote {len(paths)} of {len(dataset)} samples to {folder}')
    return paths


if __name__ == '__main__':
    main()
