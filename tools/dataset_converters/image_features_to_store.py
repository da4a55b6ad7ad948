"""Add image or depth features of every frame to a FrameStore."""

from __future__ import annotations

import argparse
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from conversion import first_bad_frame, make_parser, report, run
from frame_images import FrameImages, Load
from image_encoders import DepthAnything, HRNetStages, SdxlVae
from person_crops import crop_square, keypoints_in_boxes, person_boxes
from rich.progress import Progress

from mmpose_ext.datasets.frame_store import FrameStore, SequenceInfo
from mmpose_ext.datasets.frame_store_fields import FieldsWriter

COMMAND = (
    'python tools/dataset_converters/image_features_to_store.py data/h36m_sh sdxl-vae '
    "--weights weights/sdxl-vae --images 'images/{sequence}/{frame:06d}.jpg'"
)
HELP = """
Crops the person of each frame, encodes the crop with a frozen network, and adds the
features to the store. Encoders, and the fields they make for crops of 256 x 256:

  sdxl-vae        sdxl_vae (4, 32, 32): latents of SDXL's auto-encoder; 8 KB a frame
  depth-anything  depth_anything (64, 32, 32): depth features of Depth Anything
                  (small), 128 KB; or, with --depth-output map, (1, 64, 64): its depth
  hrnet           hrnet_0 (32, 64, 64), hrnet_1 (64, 32, 32), hrnet_2 (128, 16, 16),
                  hrnet_3 (256, 8, 8): the resolutions of an HRNet-W32; 480 KB

All are float16. The first run also adds where the crops are, both float32:

  crop_box        (4): corners x0, y0, x1, y1 in pixels
  crop_keypoints  (17, 2): the joints in units of the crop, whose edges are -1 and 1,
                  with which a network finds a joint in a map

Further runs must crop in the same way. Names tell what a flip does: fields named
*_keypoints are mirrored as poses are, maps along their width.

--images names the images by sequence, subject, action, camera, frame and whatever the
sequence table has in addition; a name without {frame} is that of a video:

  'images/{sequence}/{sequence}_{frame:06d}.jpg' --first-frame 1    H36M-Toolbox
  '{subject}/Videos/{video}.{camera}.mp4'                           Human3.6M's videos

Nothing is downloaded. The store stays usable while this runs, and as it was if it is
stopped. Features of images fall under the licence of the images.
"""
ENCODERS = ('sdxl-vae', 'depth-anything', 'hrnet')
KEYPOINTS = {'det': 'keypoints_det', 'gt': 'pose_image'}
Encoder = SdxlVae | DepthAnything | HRNetStages


def main(argv: Sequence[str] | None = None) -> None:
    """Extract as the command line says."""
    args = parse_args(argv)
    store = FrameStore(args.store)
    source = FrameImages(args.images, args.first_frame)
    rows = [row for row in store.sequences if row.length]
    for row in rows:
        source.check(row)
    crops = crops_of(store, args.keypoints, args.padding)
    new = new_crops(store, crops)
    encoder = build_encoder(args)
    note = f'{args.encoder}: {encoder.note}; crops of {args.size} px'
    with (
        FieldsWriter(
            store.path, [*encoder.names, *new], note=note, overwrite=args.overwrite
        ) as writer,
        ThreadPoolExecutor(args.workers) as pool,
        Progress() as bar,
    ):
        task = bar.add_task('Encoding', total=len(store))
        for row in rows:
            for frames, images in crop_batches(
                source, row, crops['crop_box'], args, pool
            ):
                fields = encode(encoder, images, args.device, row)
                writer.append(fields | {name: crops[name][frames] for name in new})
                bar.advance(task, len(images))
    report(args.store)


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = make_parser(COMMAND, HELP)
    add = parser.add_argument
    add('store', type=Path, help='folder of the store')
    add('encoder', choices=ENCODERS)
    add('--weights', type=Path, required=True, help='folder; for hrnet a checkpoint')
    add('--config', type=Path, help='for hrnet: its config of MMPose')
    add('--images', required=True, help='pattern of image or video files')
    add('--first-frame', type=int, default=0, help='number of the first image (0)')
    add('--keypoints', choices=('det', 'gt'), help='2D that the network gets (det)')
    add('--padding', type=float, default=1.25, help='box in multiples of the pose')
    add('--size', type=int, default=256, help='side of the crops in pixels')
    add('--depth-output', choices=('features', 'map'), default='features')
    add('--name', help="field, or start of the fields' names; the encoder's by default")
    add('--batch-size', type=int, default=32)
    add('--workers', type=int, default=4, help='threads that read and crop')
    add('--device', default='cuda' if torch.cuda.is_available() else 'cpu')
    add('--overwrite', action='store_true', help='replace fields of these names')
    args = parser.parse_args(argv)
    if min(args.batch_size, args.workers) < 1 or args.first_frame < 0:
        parser.error('--batch-size and --workers start at 1, --first-frame at 0')
    if args.padding <= 0:
        parser.error(f'--padding must be positive, got {args.padding}')
    if args.encoder == 'hrnet' and args.config is None:
        parser.error('hrnet needs --config, the config of MMPose that it was built by')
    args.name = args.name or args.encoder.replace('-', '_')
    return args


def build_encoder(args: argparse.Namespace) -> Encoder:
    """The encoder that the command line names."""
    options = dict(name=args.name, size=args.size, device=args.device)
    if args.encoder == 'sdxl-vae':
        return SdxlVae(args.weights, **options)
    if args.encoder == 'depth-anything':
        return DepthAnything(args.weights, output=args.depth_output, **options)
    return HRNetStages(args.weights, args.config, **options)


def crops_of(
    store: FrameStore, keypoints: str | None, padding: float
) -> dict[str, np.ndarray]:
    """Where the crops of all frames are: crop_box and crop_keypoints.

    Raises:
        ValueError: If the store has no such keypoints, or they are not finite.
    """
    name = KEYPOINTS[keypoints or ('det' if KEYPOINTS['det'] in store else 'gt')]
    if name not in store:
        raise ValueError(f'{store.path} has no {name}; it has {sorted(store)}')
    poses = np.asarray(store[name])[..., :2]
    bad = first_bad_frame(poses)
    if bad is not None:
        raise ValueError(f'{store.path}: {name} of frame {bad} is not finite')
    boxes = person_boxes(poses, padding)
    return {'crop_box': boxes, 'crop_keypoints': keypoints_in_boxes(poses, boxes)}


def new_crops(store: FrameStore, crops: Mapping[str, np.ndarray]) -> list[str]:
    """Which fields of the crops the store lacks.

    Raises:
        ValueError: If it holds others: maps of different crops do not go together.
    """
    for name in set(crops) & set(store):
        if not np.allclose(store[name], crops[name], atol=1e-3):
            raise ValueError(
                f'{store.path} holds features of other crops ({name} differs); use the '
                '--keypoints and --padding of the first run, or convert the store anew'
            )
    return [name for name in crops if name not in store]


def crop_batches(
    source: FrameImages,
    row: SequenceInfo,
    boxes: np.ndarray,
    args: argparse.Namespace,
    pool: ThreadPoolExecutor,
) -> Iterator[tuple[slice, np.ndarray]]:
    """Frames of the store and their crops ``(n, S, S, 3)``; threads read ahead."""
    load, end = source.loader(row), row.start + row.length
    waiting: deque[tuple[slice, list[Future]]] = deque()
    for begin in range(row.start, end, args.batch_size):
        frames = slice(begin, min(begin + args.batch_size, end))
        batch = [
            pool.submit(load_crop, load(frame - row.start), boxes[frame], args.size)
            for frame in range(frames.start, frames.stop)
        ]
        waiting.append((frames, batch))
        if len(waiting) > 1:
            yield stack(*waiting.popleft())
    for frames, batch in waiting:
        yield stack(frames, batch)


def stack(frames: slice, batch: list[Future]) -> tuple[slice, np.ndarray]:
    """Wait for a batch."""
    return frames, np.stack([crop.result() for crop in batch])


def load_crop(load: Load, box: np.ndarray, size: int) -> np.ndarray:
    """Load an image and cut the crop out."""
    return crop_square(load(), box, size)


def encode(
    encoder: Encoder, crops: np.ndarray, device: str, row: SequenceInfo
) -> dict[str, np.ndarray]:
    """The features of a batch of crops.

    Raises:
        ValueError: If a value is not finite, or too large for float16.
    """
    batch = torch.from_numpy(crops).to(device).permute(0, 3, 1, 2) / 255
    fields = encoder(batch)
    for name, maps in fields.items():
        if first_bad_frame(maps) is not None:
            raise ValueError(f'{name} of a frame of {row.name!r} overflows float16')
    return fields


if __name__ == '__main__':
    run(main)
