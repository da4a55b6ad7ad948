"""From a video to the 3D motion of everybody in it.

    python demo/lift_video.py walk.mp4 \
        --detector rtmdet_m_640-8xb32_coco-person.py rtmdet_m.pth \
        --pose2d rtmpose-m_8xb256-420e_coco-256x192.py rtmpose_m.pth --out-dir out
    python demo/lift_video.py walk.mp4 --boxes boxes.json --pose2d CONFIG WEIGHTS
    python demo/lift_video.py walk.mp4 --whole-image --pose2d CONFIG WEIGHTS --smooth

A detector of MMDetection finds people, a top-down estimator of MMPose their keypoints;
people are followed through the clip, and all are lifted together. Each network is given
as its config and its weights; without `--lifter` the small one of the repository lifts.
Boxes of a file, or one person who fills the picture, do without a detector.

Results go to `--out-dir`: poses (.npz, .json), skeletons for Blender (.bvh), a video
(.mp4) and a page to look at from all sides (.html). If lifting fails or is interrupted,
the 2D keypoints, and what was lifted of them, are kept there.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from lift_keypoints import (
    CHECKPOINT,
    CONFIG,
    INTERRUPTED,
    MODEL_FPS,
    add_lifting_arguments,
    add_output_arguments,
    camera_of,
    lifting_options,
    notes_on_one_line,
    summary,
    write_outputs,
)

from mmpose_ext.apis import (
    KeypointLifter,
    LiftedClip,
    PartialResultError,
    VideoPoseLifter,
)
from mmpose_ext.engine.launch import add_cfg_options

NETWORK = ('CONFIG', 'WEIGHTS')


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('video', help='video file')
    people = parser.add_mutually_exclusive_group(required=True)
    people.add_argument('--detector', nargs=2, metavar=NETWORK, help='of people')
    people.add_argument('--boxes', help='file of boxes, in place of a detector')
    people.add_argument(
        '--whole-image', action='store_true', help='one person fills the picture'
    )
    parser.add_argument(
        '--pose2d', nargs=2, metavar=NETWORK, required=True, help='top-down estimator'
    )
    parser.add_argument(
        '--lifter', nargs=2, metavar=NETWORK, help='default: a small PrML'
    )
    add_output_arguments(parser)
    parser.add_argument(
        '--score-threshold',
        type=float,
        default=0.2,
        help='leave out boxes below (default 0.2)',
    )
    add_lifting_arguments(parser)
    parser.add_argument('--batch-size', type=int, default=8, help='frames (default 8)')
    parser.add_argument(
        '--temp-dir',
        help="folder for temporary files (default: the system's, which is memory where "
        '/tmp is a tmpfs)',
    )
    add_cfg_options(parser)
    args = parser.parse_args(argv)
    if args.lifter is None:
        args.lifter = (CONFIG, CHECKPOINT)
        args.model_fps = MODEL_FPS if args.model_fps is None else args.model_fps
    return args


def main(argv: Sequence[str] | None = None) -> LiftedClip:
    """Find people, lift them, write.

    Returns:
        What was written.
    """
    args = parse_args(argv)
    options = lifting_options(args)
    smoothing = options.pop('smoothing')
    networks = dict(
        device=args.device, amp=args.amp, trust_checkpoint=args.trust_checkpoint
    )
    with notes_on_one_line():
        lifter = VideoPoseLifter(
            KeypointLifter(*args.lifter, cfg_options=args.cfg_options, **networks),
            tuple(args.pose2d),
            None if args.detector is None else tuple(args.detector),
            **networks,
            score_threshold=args.score_threshold,
            batch_size=args.batch_size,
            lifting=options,
            temp_dir=args.temp_dir,
        )
        clip = lifter.run(
            args.video,
            camera=camera_of(args),
            smoothing=smoothing,
            boxes=args.boxes,
            out_dir=args.out_dir,
        )
    print(summary(clip))
    seconds = ', '.join(f'{n} {s:.1f} s' for n, s in lifter.clock.seconds.items())
    print(f'  {seconds}')
    write_outputs(clip, args)
    return clip


if __name__ == '__main__':
    try:
        main()
    except (ValueError, FileNotFoundError, PartialResultError) as error:
        sys.exit(f'{Path(__file__).name}: {error}')
    except KeyboardInterrupt as interruption:
        message = str(interruption) or 'interrupted'
        print(f'{Path(__file__).name}: {message}', file=sys.stderr)
        sys.exit(INTERRUPTED)
