"""Memory of a clip on its way from a video to 3D and to files, by the clip's length.

    python tools/benchmarks/bench_lifting_memory.py --out memory.json
    python tools/benchmarks/bench_lifting_memory.py --frames 1000 --formats npz json

Each length is a process of its own, which first takes a short clip all the way, so that
libraries have started. What a stage takes is the largest resident size of the process
while it runs minus the resident size after the short clip: a batch of windows in the
small lifter, a picture of the writer, and what grows with the clip. Free memory is
given back to the system before each stage.

The clip is upright, 64 x 96 pixels, 25 frames a second; one person is there always, a
second comes and goes. Reading, tracking, spooling, lifting and writing are those of
`VideoPoseLifter` and `write_results`; the lifter is the small PrML of the repository,
at another frame rate than the clip's. Boxes and 2D keypoints come from stand-ins:
networks and a batch of large frames need what they need, however long the clip is.

Two more processes measure how stretches of followed people are joined, all of whom
could be one person: the stretches themselves, and the joining above them. Linux only
(reads and resets the peak in /proc).
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault('OMP_NUM_THREADS', '1')

import torch  # noqa: E402
from mmengine.config import Config  # noqa: E402
from mmengine.registry import DefaultScope  # noqa: E402
from mmpose.registry import MODELS  # noqa: E402
from resident_memory import CLEAR_REFS, reset_peak, resident_bytes  # noqa: E402
from stand_in_clips import (  # noqa: E402
    FPS,
    SIZE,
    STRETCH,
    SwayingPeople,
    one_or_two,
    pictures,
    short_stretches,
)

import mmpose_ext  # noqa: E402, F401
from mmpose_ext.apis.keypoint_lifter import KeypointLifter  # noqa: E402
from mmpose_ext.apis.result_files import FORMATS, write_results  # noqa: E402
from mmpose_ext.apis.track_joining import join_tracklets  # noqa: E402
from mmpose_ext.apis.video_pose_lifter import VideoPoseLifter  # noqa: E402
from mmpose_ext.atomic_write import write_json  # noqa: E402
from mmpose_ext.engine.run_record import machine  # noqa: E402
from mmpose_ext.visualization.video import write_video  # noqa: E402

REPO = Path(__file__).resolve().parents[2]
LIFTER = (
    REPO / 'configs/prml/prml_mocap_9.py',
    REPO / 'demo/weights/prml_mocap_9_det.safetensors',
)
POSE2D = REPO / 'demo/configs/pose2d_synthetic.py'
MODEL_FPS = 20
"""Not the clip's: poses are resampled."""
SHORT = 400
"""Frames of the short clip: enough for a whole batch of windows."""


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        '--frames',
        type=int,
        nargs='*',
        default=[1_000, 10_000],
        help='lengths of clips (default 1000 10000)',
    )
    parser.add_argument(
        '--formats',
        nargs='*',
        choices=FORMATS,
        default=list(FORMATS),
        metavar='FORMAT',
        help=f'some of {", ".join(FORMATS)} (default: all)',
    )
    parser.add_argument(
        '--stretches',
        type=int,
        nargs='*',
        default=[2_000, 20_000],
        help='numbers of stretches to join (default 2000 20000)',
    )
    parser.add_argument('--out', type=Path, help='JSON file for the numbers')
    parser.add_argument('--worker', choices=tuple(WORKERS), help=argparse.SUPPRESS)
    parser.add_argument('--number', type=int, help=argparse.SUPPRESS)
    args = parser.parse_args(argv)
    if min([1, *args.frames, *args.stretches]) < 1:
        parser.error('--frames and --stretches: expected positive numbers')
    return args


def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Measure and print.

    Returns:
        The numbers, as the JSON file has them.

    Raises:
        SystemExit: If the system does not tell the peak of a part of a process.
    """
    args = parse_args(argv)
    if not CLEAR_REFS.exists():
        raise SystemExit('only Linux tells the peak of a part of a process')
    if args.worker is not None:
        report = WORKERS[args.worker](args.number, args.formats)
        print(json.dumps(report))
        return report
    report = {
        'clips': [in_new_process('clip', n, args.formats) for n in args.frames],
        'joining': [in_new_process('joining', n, ()) for n in args.stretches],
        'image_size': list(SIZE),
        'load': os.getloadavg()[0],
        'machine': machine(),
    }
    print_report(report)
    if args.out is not None:
        write_json(args.out, report)
        print(f'\nwritten to {args.out}')
    return report


def in_new_process(worker: str, number: int, formats: Sequence[str]) -> dict[str, Any]:
    """What a worker measures in a process of its own."""
    command = [sys.executable, __file__, '--worker', worker, '--number', str(number)]
    done = subprocess.run(
        [*command, '--formats', *formats], stdout=subprocess.PIPE, text=True, check=True
    )
    return json.loads(done.stdout.splitlines()[-1])


def measure_clip(frames: int, formats: Sequence[str]) -> dict[str, Any]:
    """Peak of each stage of a clip, above what libraries and networks take.

    Args:
        frames: Of the clip.
        formats: Files to write.

    Returns:
        ``libraries_mb``, and megabytes of each stage in ``stages_mb``.
    """
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        short, video = folder / 'short.mp4', folder / 'video.mp4'
        write_video(short, pictures(SHORT), fps=FPS)
        write_video(video, pictures(frames), fps=FPS)
        chain = video_lifter(folder)
        pass_clip(chain, short, folder, formats)
        begin_stage()
        before = memory_mb('VmRSS')
        peaks = pass_clip(chain, video, folder, formats)
    return {
        'frames': frames,
        'libraries_mb': before,
        'stages_mb': {stage: peak - before for stage, peak in peaks.items()},
    }


def pass_clip(
    chain: VideoPoseLifter, video: Path, folder: Path, formats: Sequence[str]
) -> dict[str, float]:
    """Lift a clip and write it; the largest resident size of each stage, MB."""
    peaks = {}
    lift_tracks = type(chain.lifter).lift_tracks

    def measured(*inputs: Any, **options: Any) -> Any:
        peaks['video to 2D'] = memory_mb('VmHWM')
        begin_stage()
        return lift_tracks(chain.lifter, *inputs, **options)

    setattr(chain.lifter, 'lift_tracks', measured)  # noqa: B010
    begin_stage()
    clip = chain.run(video, boxes=one_or_two, progress=False)
    peaks['2D to 3D'] = memory_mb('VmHWM')
    for name in formats:
        begin_stage()
        write_results(clip, folder, formats=[name], video=video, progress=False)
        peaks[name] = memory_mb('VmHWM')
    return peaks


def measure_joining(stretches: int, formats: Sequence[str] = ()) -> dict[str, Any]:
    """Memory and time of joining stretches of followed people.

    Args:
        stretches: Their number.
        formats: Not used; workers are called alike.

    Returns:
        Megabytes of the stretches, and of the joining above these; seconds.
    """
    join_tracklets(short_stretches(50), (320, 180), 500)
    begin_stage()
    before = memory_mb('VmRSS')
    tracklets = short_stretches(stretches)
    begin_stage()
    between = memory_mb('VmRSS')
    begin = time.perf_counter()
    join_tracklets(tracklets, (320, 180), (STRETCH + 2) * stretches)
    return {
        'stretches': stretches,
        'stretches_mb': between - before,
        'joining_mb': memory_mb('VmHWM') - between,
        'seconds': time.perf_counter() - begin,
    }


def video_lifter(folder: Path) -> VideoPoseLifter:
    """The whole way, with a stand-in for the 2D estimator."""
    config = Config.fromfile(POSE2D)
    with DefaultScope.overwrite_default_scope(config.get('default_scope')):
        network = MODELS.build(config.model)
    weights = folder / 'pose2d.pth'
    torch.save({'state_dict': network.state_dict()}, weights)
    chain = VideoPoseLifter(
        KeypointLifter(*LIFTER, device='cpu'),
        (POSE2D, weights),
        device='cpu',
        lifting=dict(model_fps=MODEL_FPS),
        temp_dir=folder,
    )
    chain.estimator = SwayingPeople()
    return chain


def begin_stage() -> None:
    """Give back what is free, and let the largest resident size begin anew."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)  # or the C library keeps it for later
    reset_peak()


def memory_mb(field: str) -> float:
    """Resident memory now (VmRSS) or the most of it since the stage began (VmHWM)."""
    return resident_bytes(field) / 1e6


def print_report(report: dict[str, Any]) -> None:
    """Print the tables."""
    clips = report['clips']
    if clips:
        libraries = ', '.join(f'{clip["libraries_mb"]:,.0f}' for clip in clips)
        print(f'libraries and small networks: {libraries} MB; above that, MB:\n')
        print(f'{"":14}' + ''.join(f'{clip["frames"]:>9,} frames' for clip in clips))
        for stage in clips[0]['stages_mb']:
            row = (f'{clip["stages_mb"][stage]:16.1f}' for clip in clips)
            print(f'{stage:14}' + ''.join(row))
    for row in report['joining']:
        print(
            f'\n{row["stretches"]:,} stretches: {row["stretches_mb"]:.1f} MB, joining '
            f'them {row["joining_mb"]:.1f} MB more and {row["seconds"]:.1f} s'
        )
    print(f'\nload {report["load"]:.1f}')


WORKERS = {'clip': measure_clip, 'joining': measure_joining}


if __name__ == '__main__':
    main()
