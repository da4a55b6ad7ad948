"""Make synthetic data sets, so that everything runs without a download.

    python tools/make_synthetic_data.py human36m data/synthetic_h36m

simulates people who walk, run, sit down, reach, jump, ... before the four calibrated
cameras of Human3.6M and writes a FrameStore that ``LiftingDataset`` reads, and

    python tools/make_synthetic_data.py coco data/synthetic_coco

pictures of clothed people with COCO's keypoint annotations for ``CocoDataset``, and

    python tools/make_synthetic_data.py mmfi data/synthetic_mmfi_files

what a camera, a LiDAR, a radar and a WiFi receiver give of them, as the files of MM-Fi.

    python tools/make_synthetic_data.py clip data/synthetic_clip

makes a video of two people who cross, leave and return, to try the lifting of videos.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from mmpose_ext.datasets.frame_store import FrameStore
from mmpose_ext.datasets.synthetic_clip import (
    SyntheticClipOptions,
    read_clip_truth,
    write_clip,
)
from mmpose_ext.datasets.synthetic_coco import (
    SPLITS,
    SyntheticCocoOptions,
    write_coco,
)
from mmpose_ext.datasets.synthetic_human36m import Human36MOptions, write_human36m
from mmpose_ext.datasets.synthetic_mmfi import SyntheticMMFiOptions, write_mmfi
from mmpose_ext.simulation.motions import MOTIONS
from mmpose_ext.step_progress import step_progress

HUMAN36M_TEXT = """\
Simulate people before the four cameras of Human3.6M.

Every person is drawn anew (stature, proportions) and does every action; the last
quarter of the people is the test split and is seen by the cameras of other recording
rooms. Each sequence holds the 3D pose in the camera's frame (metres), its projection
with the lens's distortion (pixels), and keypoints as a detector would give them, with
errors and scores.
"""

HUMAN36M_EXAMPLES = """\
examples:
  the default, 11 people, some 80 000 frames:
    python tools/make_synthetic_data.py human36m data/synthetic_h36m
  a tiny one to try things out:
    python tools/make_synthetic_data.py human36m /tmp/tiny --subjects 2 --frames 50
  long sequences with poor detections:
    python tools/make_synthetic_data.py human36m data/hard --frames 1000 --noise 2
configs/prml/prml_synthetic_9.py makes the default set by itself on first use.
"""

COCO_TEXT = """\
Take pictures of simulated people, with COCO's person-keypoint annotations.

One to four people of varied build, clothes and posture stand, walk, sit, jump, ...
before varied backgrounds, some of them behind furniture or each other. Each of the 17
keypoints is marked as visible, hidden or outside the picture; box, area and
segmentation are those of the pixels that show the person. Everybody is drawn anew, so
the validation pictures show other people; --looks N lets the same N people return in
the same N places, which small experiments can learn from few labels.
"""

COCO_EXAMPLES = """\
examples:
  the default, 3500 pictures of 320x240 pixels:
    python tools/make_synthetic_data.py coco data/synthetic_coco
  a tiny set to try things out:
    python tools/make_synthetic_data.py coco /tmp/tiny --images 20 --val-images 10
  larger pictures, made by eight processes:
    python tools/make_synthetic_data.py coco data/large --size 640x480 --workers 8
  walkers, seen from all sides:
    python tools/make_synthetic_data.py coco data/walkers --motions walk --facing 0
  one of twelve people a picture, for small experiments with few labels:
    python tools/make_synthetic_data.py coco data/few_people --max-people 1 --looks 12
MMPose reads it with type='CocoDataset', data_root=OUT,
ann_file='annotations/person_keypoints_train2017.json' and
data_prefix=dict(img='train2017/').
"""

MMFI_TEXT = """\
Simulate people who do MM-Fi's 27 actions before four sensors.

The files are those of the release, bit for bit: E01/S01/A01/ with ground_truth.npy and
a file a frame in rgb (keypoints), lidar, mmwave and wifi-csi. The four environments are
rooms of different size and furniture with sensors in different places. Radar frames in
which nobody moves hold no point, some channel state is lost, as in the release.
"""

MMFI_EXAMPLES = """\
examples:
  the default, 12 people, 27 actions, 60 frames each:
    python tools/make_synthetic_data.py mmfi data/synthetic_mmfi_files
  a tiny one to try things out:
    python tools/make_synthetic_data.py mmfi /tmp/tiny --subjects 4 --frames 10 \\
        --actions A02 A13
  as large as the release (30 GB), made by eight processes:
    python tools/make_synthetic_data.py mmfi data/large --subjects 40 --frames 297 \\
        --workers 8
tools/dataset_converters/mmfi_to_store.py packs the files for MMFiDataset.
"""

CLIP_TEXT = """\
Film two people who walk past each other, leave the picture and return.

Beside the video stand the boxes of the people and everything that is true of them:
poses in the camera's frame, keypoints in the picture, who is seen when.
"""

CLIP_EXAMPLES = """\
examples:
  the default, 20 seconds at 25 frames a second, 480x360 pixels:
    python tools/make_synthetic_data.py clip data/synthetic_clip
  other people:
    python tools/make_synthetic_data.py clip data/other_clip --seed 1
demo/lift_video.py lifts it; tools/analysis_tools/score_clip.py tells how well.
"""


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest='command', required=True, metavar='WHAT')
    add_human36m(commands)
    add_coco(commands)
    add_mmfi(commands)
    add_clip(commands)
    return parser.parse_args(argv)


def add_human36m(commands: argparse._SubParsersAction) -> None:
    """The sub-command ``human36m``."""
    default = Human36MOptions()
    parser = add_command(
        commands,
        'human36m',
        '2D/3D pose sequences like those of Human3.6M',
        (HUMAN36M_TEXT, HUMAN36M_EXAMPLES),
    )
    add_number(
        parser, '--subjects', default.num_subjects, 'number of people, at least 2'
    )
    add_number(
        parser,
        '--sequences-per-action',
        default.sequences_per_action,
        'how often each person does each action',
    )
    add_number(parser, '--frames', default.num_frames, 'frames of a sequence')
    add_number(parser, '--fps', default.fps, 'frames per second')
    add_actions(
        parser,
        default.actions,
        f'what people do (default: all of {", ".join(MOTIONS)})',
    )
    add_number(
        parser,
        '--noise',
        default.noise,
        'errors of the detected keypoints: 1 as detectors are, 0 none',
    )
    add_common(parser, make_human36m, seed=default.seed, workers=False)


def add_coco(commands: argparse._SubParsersAction) -> None:
    """The sub-command ``coco``."""
    default = SyntheticCocoOptions()
    parser = add_command(
        commands,
        'coco',
        'pictures of people like those of COCO, with keypoints',
        (COCO_TEXT, COCO_EXAMPLES),
    )
    add_number(parser, '--images', default.num_images, 'pictures to train on')
    add_number(
        parser, '--val-images', default.num_val_images, 'pictures to validate on'
    )
    add_size(parser, default.size)
    add_number(
        parser,
        '--max-people',
        default.max_people,
        'greatest number of people in a picture',
    )
    add_number(
        parser,
        '--occlusion',
        default.occlusion,
        'how often something stands before a person, 0 to 1',
    )
    parser.add_argument(
        '--motions',
        nargs='+',
        choices=default.motions,
        default=default.motions,
        metavar='MOTION',
        help=f'what people do, some of {", ".join(default.motions)} (default: all)',
    )
    add_number(
        parser,
        '--facing',
        default.facing,
        'share of people who face the camera, the others face any direction',
    )
    parser.add_argument(
        '--looks',
        type=int,
        metavar='N',
        help='how many looks people and places have, in all pictures, those of '
        'validation too (default: a new one each time)',
    )
    add_common(parser, make_coco, seed=default.seed)


def add_mmfi(commands: argparse._SubParsersAction) -> None:
    """The sub-command ``mmfi``."""
    default = SyntheticMMFiOptions()
    parser = add_command(
        commands,
        'mmfi',
        'keypoints, LiDAR, radar and WiFi like those of MM-Fi',
        (MMFI_TEXT, MMFI_EXAMPLES),
    )
    add_number(
        parser,
        '--subjects',
        default.num_subjects,
        'number of people, 1 to 40, spread over the environments',
    )
    add_actions(
        parser, default.actions, 'what people do, such as A02 (default: all 27)'
    )
    add_number(
        parser, '--frames', default.num_frames, 'frames of a sequence, 10 a second'
    )
    add_common(parser, make_mmfi, seed=default.seed)


def add_clip(commands: argparse._SubParsersAction) -> None:
    """The sub-command ``clip``."""
    default = SyntheticClipOptions()
    parser = add_command(
        commands,
        'clip',
        'a video of two people, with its truth',
        (CLIP_TEXT, CLIP_EXAMPLES),
    )
    add_number(parser, '--frames', default.num_frames, 'frames of the video')
    add_size(parser, default.size)
    add_number(parser, '--fps', default.fps, 'frames per second')
    add_common(parser, make_clip, seed=default.seed, workers=False)


def add_command(
    commands: argparse._SubParsersAction, name: str, text: str, texts: tuple[str, str]
) -> argparse.ArgumentParser:
    """A sub-command that takes a folder.

    Args:
        commands: Where it belongs.
        name: Its name.
        text: What it makes, in a line.
        texts: Description and examples.
    """
    parser = commands.add_parser(
        name,
        help=text,
        description=texts[0],
        epilog=texts[1],
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('out', type=Path, help='folder to write, for example data/s')
    return parser


def add_number(
    parser: argparse.ArgumentParser, flag: str, default: float, text: str
) -> None:
    """An option of the type of its default, which the help names."""
    parser.add_argument(
        flag, type=type(default), default=default, help=f'{text} (default: %(default)s)'
    )


def add_size(parser: argparse.ArgumentParser, default: tuple[int, int]) -> None:
    """The option ``--size``."""
    parser.add_argument(
        '--size',
        type=parse_size,
        default=default,
        metavar='WIDTHxHEIGHT',
        help=f'size of a picture in pixels (default: {default[0]}x{default[1]})',
    )


def add_actions(
    parser: argparse.ArgumentParser, default: Sequence[str], text: str
) -> None:
    """The option ``--actions``."""
    parser.add_argument(
        '--actions', nargs='+', default=list(default), metavar='ACTION', help=text
    )


def add_common(
    parser: argparse.ArgumentParser,
    run: Callable[[argparse.Namespace], None],
    *,
    seed: int,
    workers: bool = True,
) -> None:
    """The options ``--seed``, ``--workers`` and ``--overwrite``, and what is run."""
    add_number(parser, '--seed', seed, 'the same seed gives the same data')
    if workers:
        add_number(parser, '--workers', 1, 'processes; the data do not depend on it')
    parser.add_argument(
        '--overwrite', action='store_true', help='replace the folder if it exists'
    )
    parser.set_defaults(run=run)


def parse_size(text: str) -> tuple[int, int]:
    """Read ``'320x240'``."""
    try:
        width, height = (int(part) for part in text.lower().split('x'))
    except ValueError:
        raise argparse.ArgumentTypeError(
            f'{text!r}; expected WIDTHxHEIGHT, for example 320x240'
        ) from None
    return width, height


def make_coco(args: argparse.Namespace) -> None:
    """Simulate, write, print what was written."""
    start = time.perf_counter()
    with step_progress('Taking pictures') as progress:
        write_coco(
            args.out,
            num_images=args.images,
            num_val_images=args.val_images,
            size=args.size,
            max_people=args.max_people,
            occlusion=args.occlusion,
            motions=args.motions,
            facing=args.facing,
            looks=args.looks,
            seed=args.seed,
            num_workers=args.workers,
            overwrite=args.overwrite,
            progress=progress,
        )
    seconds = time.perf_counter() - start
    print(f'{args.out}: pictures of {args.size[0]}x{args.size[1]} pixels')
    for split in SPLITS:
        file = args.out / 'annotations' / f'person_keypoints_{split}.json'
        content = json.loads(file.read_text(encoding='utf-8'))
        people = content['annotations']
        labelled = sum(person['num_keypoints'] for person in people)
        print(
            f'  {split}: {len(content["images"])} pictures, {len(people)} people, '
            f'{labelled / max(len(people), 1):.1f} keypoints a person'
        )
    each = 1000 * seconds / (args.images + args.val_images)
    print(f'  made in {seconds:.1f} s, {each:.0f} ms a picture')


def make_mmfi(args: argparse.Namespace) -> None:
    """Simulate, write, print what was written."""
    start = time.perf_counter()
    with step_progress('Recording') as progress:
        write_mmfi(
            args.out,
            num_subjects=args.subjects,
            actions=args.actions,
            num_frames=args.frames,
            seed=args.seed,
            workers=args.workers,
            overwrite=args.overwrite,
            progress=progress,
        )
    seconds = time.perf_counter() - start
    sequences = list(args.out.glob('E0?/S??/A??'))
    radar = [file for folder in sequences for file in (folder / 'mmwave').iterdir()]
    empty = sum(file.stat().st_size == 0 for file in radar)
    people = sorted({folder.parent.name for folder in sequences})
    print(
        f'{args.out}: {len(sequences)} sequences, {len(radar)} frames of '
        f'{", ".join(people)}'
    )
    print(f'  {empty} radar frames are empty ({empty / len(radar):.1%})')
    each = 1000 * seconds / len(radar)
    print(f'  made in {seconds:.1f} s, {each:.0f} ms a frame')


def make_clip(args: argparse.Namespace) -> None:
    """Simulate, write, print what was written."""
    start = time.perf_counter()
    with step_progress('Filming') as progress:
        write_clip(
            args.out,
            num_frames=args.frames,
            size=args.size,
            fps=args.fps,
            seed=args.seed,
            overwrite=args.overwrite,
            progress=progress,
        )
    seconds = time.perf_counter() - start
    seen = read_clip_truth(args.out).seen
    print(f'{args.out}: {args.frames} frames of {args.size[0]}x{args.size[1]} pixels')
    for number, frames in enumerate(seen):
        times = int((frames[1:] & ~frames[:-1]).sum() + frames[0])
        print(f'  person {number}: in {frames.sum()} frames, comes {times} times')
    each = 1000 * seconds / args.frames
    print(f'  made in {seconds:.1f} s, {each:.0f} ms a frame')


def make_human36m(args: argparse.Namespace) -> None:
    """Simulate, write, print what was written."""
    start = time.perf_counter()
    with step_progress('Simulating') as progress:
        write_human36m(
            args.out,
            num_subjects=args.subjects,
            sequences_per_action=args.sequences_per_action,
            num_frames=args.frames,
            fps=args.fps,
            actions=args.actions,
            noise=args.noise,
            seed=args.seed,
            overwrite=args.overwrite,
            progress=progress,
        )
    store = FrameStore(args.out)
    print(store.summary())
    for split in ('train', 'test'):
        chosen = [row for row in store.sequences if row.split == split]
        people = sorted({row.subject for row in chosen if row.subject})
        frames = sum(row.length for row in chosen)
        print(f'  {split}: {frames} frames of {", ".join(people)}')
    actions = sorted({row.action for row in store.sequences if row.action})
    print(f'  actions: {", ".join(actions)}')
    print(f'  made in {time.perf_counter() - start:.1f} s')


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line; a user's mistake ends as one line, not as a traceback."""
    args = parse_args(argv)
    try:
        args.run(args)
    except (ValueError, OSError) as error:
        sys.exit(f'error: {error}')


if __name__ == '__main__':
    main()
