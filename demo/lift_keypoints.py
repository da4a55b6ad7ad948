"""From 2D keypoints to 3D motion: files for programs, Blender and the browser.

    python demo/lift_keypoints.py                                # a sample
    python demo/lift_keypoints.py walk.json --joints coco17 --out-dir out
    python demo/lift_keypoints.py walk.json --config configs/prml/prml_h36m_243.py \
        --checkpoint prml.pth --model-fps 50 --smooth --video walk.mp4

Keypoints are one person's, from any 2D estimator: a `.json` or `.npz` with an array of
shape (F, K, C), or by name `keypoints` (F, K, C) and optionally `scores` (F, K),
`image_size` (W, H), `fps` and `joints`; for a part of a video also `frames`, `times` in
seconds and `filled`, each (F,), as demo/lift_video.py keeps them. `--joints`, or
`joints` in the file, names the joint set. Channels are x and y in pixels and a score
from 0 to 1 (`blazepose33`: x, y, z, visibility); NaN or null marks a missing joint.
Predictions of MMPose's inferencer and demos are read as they are, if each frame shows
one person.

Results go to `--out-dir`: poses (.npz, .json), a skeleton for Blender (.bvh), a video
(.mp4) and a page to look at from all sides (.html). If lifting fails or is interrupted,
what was lifted before is kept there.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from mmpose_ext.apis import ClipCamera, LiftedClip, OneEuro, lift_keypoints
from mmpose_ext.apis.camera_space import FIELD_OF_VIEW
from mmpose_ext.apis.keypoint_lifter import PERSON_HEIGHT
from mmpose_ext.apis.result_files import FORMATS, write_results
from mmpose_ext.apis.video_frames import video_info
from mmpose_ext.engine.launch import add_cfg_options, add_trust_checkpoint
from mmpose_ext.geometry.joint_maps import JOINT_SETS
from mmpose_ext.geometry.joint_maps_out import OUTPUT_SKELETONS

REPO = Path(__file__).resolve().parents[1]
CONFIG = REPO / 'configs/prml/prml_mocap_9.py'
CHECKPOINT = REPO / 'demo/weights/prml_mocap_9_det.safetensors'
MODEL_FPS = 50.0
"""Frame rate of the data that the weights of the repository were trained on."""
INTERRUPTED = 130
"""Exit code of a program that Ctrl-C ended, as shells have it."""
SAMPLE = REPO / 'demo/data/squats.json'
SAMPLE_JOINTS = 'blazepose33'


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('keypoints', nargs='?', help='file (default: a sample)')
    parser.add_argument(
        '--joints',
        choices=tuple(JOINT_SETS),
        help="their joint set (default: the file's, or coco17)",
    )
    parser.add_argument(
        '--image-size', type=float, nargs=2, metavar=('W', 'H'), help="default: file's"
    )
    parser.add_argument('--fps', type=float, help="of the keypoints (default: file's)")
    add_output_arguments(parser)
    add_lifter_arguments(parser)
    parser.add_argument('--video', help='the clip, shown behind the keypoints')
    args = parser.parse_args(argv)
    check_lifter_arguments(parser, args)
    return args


def add_output_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what to write, and where."""
    parser.add_argument(
        '--out-dir', type=Path, default=Path('lifted'), help='default: lifted'
    )
    parser.add_argument(
        '--formats',
        nargs='+',
        choices=FORMATS,
        default=FORMATS,
        metavar='FORMAT',
        help=f'some of {", ".join(FORMATS)} (default: all)',
    )
    parser.add_argument(
        '--skeleton',
        choices=tuple(OUTPUT_SKELETONS),
        default='h36m17',
        help="also these joints in .npz and .json (default: Human3.6M's alone)",
    )
    parser.add_argument('--smooth', action='store_true', help='one-euro filter')
    camera = parser.add_mutually_exclusive_group()
    camera.add_argument(
        '--fov',
        type=float,
        default=FIELD_OF_VIEW,
        help='field of view, a guess at the camera: degrees across the longer side of '
        f'the image (default {FIELD_OF_VIEW:g})',
    )
    camera.add_argument(
        '--intrinsics',
        type=float,
        nargs=4,
        metavar=('FX', 'FY', 'CX', 'CY'),
        help='the camera, if it is known: pixels',
    )


def add_lifter_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the lifter and how it runs."""
    parser.add_argument('--config', help='of the lifter (default: a small PrML)')
    parser.add_argument('--checkpoint', help='its weights')
    add_lifting_arguments(parser)
    add_cfg_options(parser)


def add_lifting_arguments(parser: argparse.ArgumentParser) -> None:
    """Add how people are lifted, and where the networks run."""
    parser.add_argument(
        '--model-fps',
        type=float,
        help='lift at this frame rate, that of the training data (default: 50 with the '
        "lifter of the repository, else the clip's; 0: never)",
    )
    parser.add_argument(
        '--person-height',
        type=float,
        default=PERSON_HEIGHT,
        help='move and scale people to this share of the image width, as large as in '
        'the training data (default 1/3; 0: keep the framing)',
    )
    parser.add_argument('--device', help='default: a GPU where there is one')
    parser.add_argument('--amp', action='store_true', help='half precision')
    add_trust_checkpoint(parser)


def check_lifter_arguments(
    parser: argparse.ArgumentParser, args: argparse.Namespace
) -> None:
    """Put the lifter of the repository in where none is given.

    Args:
        parser: Ends the program if one of two files is missing.
        args: Parsed arguments, changed in place.
    """
    if (args.config is None) != (args.checkpoint is None):
        parser.error('--config and --checkpoint go together: give both or none')
    if args.config is None:
        args.config, args.checkpoint = CONFIG, CHECKPOINT
        if args.model_fps is None:
            args.model_fps = MODEL_FPS


def main(argv: Sequence[str] | None = None) -> LiftedClip:
    """Lift and write.

    Returns:
        What was written.
    """
    args = parse_args(argv)
    joints = args.joints or (None if args.keypoints else SAMPLE_JOINTS)
    camera = camera_of(args)
    if args.video:
        video_info(args.video)  # says now, and not after lifting, if it cannot be read
    with notes_on_one_line():
        clip = lift_keypoints(
            args.config,
            args.checkpoint,
            args.keypoints or SAMPLE,
            joints=joints,
            image_size=None if args.image_size is None else tuple(args.image_size),
            fps=args.fps,
            camera=camera,
            device=args.device,
            amp=args.amp,
            trust_checkpoint=args.trust_checkpoint,
            cfg_options=args.cfg_options,
            out_dir=args.out_dir,
            **lifting_options(args),
        )
    print(summary(clip))
    write_outputs(clip, args)
    return clip


def write_outputs(clip: LiftedClip, args: argparse.Namespace) -> None:
    """Write what the flags ask for and tell where it is."""
    written = write_results(
        clip,
        args.out_dir,
        formats=args.formats,
        video=args.video,
        skeleton=args.skeleton,
    )
    for path in written.values():
        print(f'wrote {path}')


def camera_of(args: argparse.Namespace) -> ClipCamera | float:
    """The camera of the flags, or the angle to guess it from."""
    if args.intrinsics is None:
        return args.fov
    fx, fy, cx, cy = args.intrinsics
    return ClipCamera((fx, fy), (cx, cy))


def lifting_options(args: argparse.Namespace) -> dict:
    """Options of ``KeypointLifter.lift_tracks``; without a flag, its own frame rate."""
    options = {
        'person_height': args.person_height or None,
        'smoothing': OneEuro() if args.smooth else None,
    }
    if args.model_fps is not None:
        options['model_fps'] = args.model_fps or None
    return options


def summary(clip: LiftedClip) -> str:
    """People, frames and how sure the lifter is, on a line each."""
    lines = [f'{clip.source}: {len(clip)} frames at {clip.fps:g} fps']
    for track in clip:
        line = f'  person {track.track_id}: {len(track)} frames, '
        line += f'mean confidence {track.confidence.mean():.2f}'
        if track.root is not None:
            depth = float(sorted(track.root[:, 2])[len(track) // 2])
            line += f', {depth:.1f} m from the camera'
        lines.append(line)
    if clip.camera is not None:
        lines.append(f'  camera from {clip.camera.source.replace("_", " ")}')
    return '\n'.join(lines)


@contextmanager
def notes_on_one_line() -> Iterator[None]:
    """Print warnings as notes, without the place in the code."""
    usual = warnings.formatwarning
    warnings.formatwarning = lambda message, *args, **kwargs: f'note: {message}\n'
    try:
        yield
    finally:
        warnings.formatwarning = usual


if __name__ == '__main__':
    try:
        main()
    except (ValueError, OSError, RuntimeError) as error:
        sys.exit(f'{Path(__file__).name}: {error}')
    except KeyboardInterrupt as interruption:
        message = str(interruption) or 'interrupted'
        print(f'{Path(__file__).name}: {message}', file=sys.stderr)
        sys.exit(INTERRUPTED)
