"""Draw samples of a lifting dataset: 2D input beside 3D target.

    python tools/misc/browse_dataset.py CONFIG --output-dir pictures
    python tools/misc/browse_dataset.py CONFIG --output-dir pictures --phase val \
        --number 20 --mode original

It needs no display.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from matplotlib.figure import Figure
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmpose.registry import DATASETS

from mmpose_ext.engine.hooks.pose_picture_hook import bones_of, spread
from mmpose_ext.engine.launch import add_cfg_options
from mmpose_ext.visualization.curves import new_figure
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
    """The dataset of a phase, without its pipeline in mode `original`.

    Raises:
        ValueError: If the config has no such data loader.
    """
    loader = cfg.get(f'{phase}_dataloader')
    if loader is None:
        raise ValueError(f'{cfg.filename} has no {phase}_dataloader')
    if mode == 'original':
        loader.dataset.pipeline = []
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
            'expected samples with 2D keypoints and a lifting_target of shape '
            '(T, K, 3); this tool draws lifting datasets only'
        )
    middle = len(pose) // 2
    pose = np.asarray(pose[middle], dtype=float)
    name = f'{meta.get("sample_name", "sample")} frame {middle}'
    return Frame(name, np.asarray(keypoints[middle])[:, :2], pose - pose[:1], size)


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
    paths = []
    for index in spread(len(dataset), args.number):
        path = folder / f'{args.phase}_{index:08d}.png'
        draw(frame_of(dataset[index]), dataset.metainfo).savefig(path)
        paths.append(path)
    print(f'wrote {len(paths)} of {len(dataset)} samples to {folder}')
    return paths


if __name__ == '__main__':
    main()
