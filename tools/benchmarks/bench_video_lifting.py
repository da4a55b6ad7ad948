"""Lifted frames a second of KeypointLifter and of MMPose's Pose3DInferencer.

    python tools/benchmarks/bench_video_lifting.py --out speed.json      # T = 243
    python tools/benchmarks/bench_video_lifting.py --frames 4860 --device cuda
    python tools/benchmarks/bench_video_lifting.py --onnx lifter_27.onnx lifter_81.onnx

Both sides lift the same keypoints of one person with the same network (one object,
with its flip test) in one run. The other side is MMPose's own code from keypoints on:
the inferencer collects a window around each frame, copies and collates it, runs the
config's pipeline and the network, and turns the pose; its 2D network is replaced by one
that answers with the given keypoints at once. It pays the whole window for one frame,
so a few frames in the middle of the clip are timed. Both must give the same pose for
the same window. Weights are random unless a checkpoint is given.

At T = 243 and half-overlapping windows, KeypointLifter is to be at least 50 times as
fast: if it is not, the exit code is 1. Smaller windows have less to gain, so elsewhere
the ratio is only printed.

`--onnx` measures exported lifters (tools/export_onnx.py) with ONNX Runtime on the CPU,
one window at a time: frames a second with a window a frame, as a live stream without
look-ahead has it, and with one every half window.

`--chain` also measures the way from a video to 3D (`VideoPoseLifter`), stage by stage:

    python tools/benchmarks/bench_video_lifting.py --chain --people 5 --device cuda

Detector and 2D estimator (`--detector CONFIG --pose2d CONFIG`) have random weights. So
the detector is run for its time alone, and the boxes that go on are those of people who
stand side by side.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

os.environ.setdefault('OMP_NUM_THREADS', '1')

import cv2  # noqa: E402
import numpy as np  # noqa: E402
import torch  # noqa: E402
from mmdet.utils import register_all_modules  # noqa: E402
from mmengine.config import Config  # noqa: E402
from mmengine.dataset import Compose, pseudo_collate  # noqa: E402
from mmengine.registry import DefaultScope, init_default_scope  # noqa: E402
from mmengine.structures import InstanceData  # noqa: E402
from mmpose.apis.inference import dataset_meta_from_config  # noqa: E402
from mmpose.apis.inference_3d import (  # noqa: E402
    convert_keypoint_definition,
    extract_pose_sequence,
)
from mmpose.apis.inferencers import Pose3DInferencer  # noqa: E402
from mmpose.registry import MODELS  # noqa: E402
from mmpose.structures import PoseDataSample  # noqa: E402

import mmpose_ext  # noqa: E402, F401
from mmpose_ext.apis.frame_people import PersonBoxes  # noqa: E402
from mmpose_ext.apis.given_boxes import BoxSource  # noqa: E402
from mmpose_ext.apis.keypoint_lifter import (  # noqa: E402
    KeypointLifter,
    window_length,
)
from mmpose_ext.apis.video_pose_lifter import VideoPoseLifter  # noqa: E402
from mmpose_ext.engine.checkpoints import load_checkpoint  # noqa: E402
from mmpose_ext.engine.onnx_check import Call  # noqa: E402
from mmpose_ext.engine.onnx_export import read_facts  # noqa: E402
from mmpose_ext.engine.onnx_speed import (  # noqa: E402
    lifted_per_second,
    onnx_milliseconds,
)
from mmpose_ext.structures.tracks import PersonTrack  # noqa: E402
from mmpose_ext.visualization.video import write_video  # noqa: E402

IMAGE_SIZE = (1000, 1000)
VIDEO_SIZE = (640, 480)
DETECTOR = 'demo/configs/person_detector_synthetic.py'
POSE2D = 'demo/configs/pose2d_synthetic.py'
WANTED_RATIO = 50
WANTED_SEQ_LEN = 243
"""Frames of the windows at which the ratio is promised."""
TOLERANCE = 1e-4
CLOCKS = {'wall': time.perf_counter, 'cpu': time.process_time}


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    config = 'configs/prml/prml_h36m_243.py'
    parser.add_argument('--config', default=config, help=f'default {config}')
    parser.add_argument('--checkpoint', help='its weights (default: random ones)')
    parser.add_argument('--frames', type=int, default=972, help='of the clip')
    parser.add_argument(
        '--stock-frames', type=int, default=3, help='that MMPose is timed on'
    )
    parser.add_argument('--batch-size', type=int, default=8, help='windows, ours')
    parser.add_argument('--stride', type=int, help='ours (default: half a window)')
    parser.add_argument('--device', default='cpu')
    parser.add_argument('--threads', type=int, default=1)
    parser.add_argument(
        '--clock',
        choices=tuple(CLOCKS),
        default='wall',
        help='cpu counts the work of this process alone: fairer on a busy machine, '
        'wrong for a GPU (default wall)',
    )
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument(
        '--onnx', nargs='+', type=Path, default=[], help='exported lifters to time'
    )
    parser.add_argument('--onnx-repeats', type=int, default=30, help='windows')
    parser.add_argument(
        '--chain', action='store_true', help='also time the stages from video to 3D'
    )
    parser.add_argument(
        '--detector', default=DETECTOR, help=f'config, for --chain (default {DETECTOR})'
    )
    parser.add_argument(
        '--pose2d', default=POSE2D, help=f'config, for --chain (default {POSE2D})'
    )
    parser.add_argument('--people', type=int, default=2, help='of --chain (default 2)')
    parser.add_argument(
        '--video-frames', type=int, default=100, help='of --chain (default 100)'
    )
    parser.add_argument('--out', type=Path, help='JSON file for the numbers')
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Measure and print.

    Returns:
        The numbers, as the JSON file has them.

    Raises:
        SystemExit: With code 1, if the ratio is not what is promised for this T.
    """
    args = parse_args(argv)
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    init_default_scope('mmpose')
    cfg = Config.fromfile(args.config)
    model = MODELS.build(cfg.model)
    if args.checkpoint is not None:
        model.load_state_dict(load_checkpoint(args.checkpoint)['state_dict'])
    model = model.to(args.device).eval()
    seq_len = window_length(cfg)
    track = walking_person(max(args.frames, seq_len + args.stock_frames), args.seed)

    stock = measure_stock(model, cfg, track, seq_len, args)
    ours = measure_ours(model, track, seq_len, args)
    ratio = ours['frames_per_s'] / stock['frames_per_s']
    report = {
        'settings': {
            name: str(value) if isinstance(value, Path) else value
            for name, value in vars(args).items()
            if name not in ('out', 'onnx')
        },
        'seq_len': seq_len,
        'stock': stock,
        'ours': ours,
        'ratio': ratio,
        'as_promised': is_as_promised(ratio, seq_len, args),
        'onnx': [time_onnx(path, args) for path in args.onnx],
        'chain': measure_chain(model, seq_len, args) if args.chain else None,
        'load': os.getloadavg()[0],
        'cores': os.cpu_count(),
        'machine': platform.machine(),
        'torch': torch.__version__,
    }
    print_report(report)
    if args.out is not None:
        from mmpose_ext.atomic_write import write_json

        write_json(args.out, json.loads(json.dumps(report)))
        print(f'\nwritten to {args.out}')
    if report['as_promised'] is False:
        raise SystemExit(
            f'the ratio is {report["ratio"]:.1f}; at T = {report["seq_len"]} at least '
            f'{WANTED_RATIO} is promised'
        )
    return report


def is_as_promised(ratio: float, seq_len: int, args: argparse.Namespace) -> bool | None:
    """Whether the ratio is large enough; ``None`` where nothing is promised."""
    if seq_len != WANTED_SEQ_LEN or args.stride is not None:
        return None
    return ratio >= WANTED_RATIO


def walking_person(frames: int, seed: int) -> PersonTrack:
    """Joints that swing around their places, pixels, scores 1 as MMPose sets them."""
    rng = np.random.default_rng(seed)
    rest = rng.uniform(350, 650, (17, 2))
    phase = rng.uniform(0, 2 * np.pi, (17, 2))
    times = np.arange(frames)[:, None, None] / 50
    keypoints = (rest + 20 * np.sin(5 * times + phase)).astype(np.float32)
    low, high = keypoints.min(axis=1), keypoints.max(axis=1)
    return PersonTrack(
        track_id=0,
        frames=np.arange(frames),
        keypoints=keypoints,
        scores=np.ones((frames, 17), np.float32),
        filled=np.zeros(frames, bool),
        boxes=np.concatenate([low, high], axis=-1),
    )


def person_sample(track: PersonTrack, frame: int) -> PoseDataSample:
    """What MMPose's 2D inferencer says of a frame."""
    sample = PoseDataSample(metainfo=dict(ori_shape=IMAGE_SIZE, img_path='frame.png'))
    sample.pred_instances = InstanceData(
        keypoints=track.keypoints[frame][None],
        keypoint_scores=track.scores[frame][None],
        bboxes=track.boxes[frame][None],
    )
    sample.gt_instances = InstanceData()
    sample.set_field(0, 'track_id')
    return sample


def stock_inferencer(model: Any, cfg: Config, track: PersonTrack) -> Pose3DInferencer:
    """MMPose's inferencer as its constructor leaves it, with given 2D keypoints."""

    class GivenPose2D:
        """Answers with the keypoints of a frame, whose number is its input."""

        model = SimpleNamespace(dataset_meta=dict(dataset_name='h36m'))

        def __call__(self, frame: int, **kwargs: Any) -> Iterator[dict]:
            yield {'predictions': [person_sample(track, frame)]}

    inferencer = Pose3DInferencer.__new__(Pose3DInferencer)
    model.dataset_meta = dataset_meta_from_config(cfg, 'train')
    dataset = cfg.test_dataloader.dataset
    inferencer.model, inferencer.cfg = model, cfg
    inferencer.pipeline = Compose(dataset.pipeline)
    inferencer.collate_fn = pseudo_collate
    inferencer.pose2d_model = GivenPose2D()
    inferencer._keypoint_converter = partial(
        convert_keypoint_definition,
        pose_det_dataset='h36m',
        pose_lift_dataset=model.dataset_meta['dataset_name'],
    )
    inferencer._pose_seq_extractor = partial(
        extract_pose_sequence,
        causal=dataset.get('causal', False),
        seq_len=dataset.seq_len,
        step=dataset.get('seq_step', 1),
    )
    inferencer._video_input = True
    inferencer.video_info = dict(width=IMAGE_SIZE[0], height=IMAGE_SIZE[1])
    inferencer._buffer = defaultdict(list)
    return inferencer


def measure_stock(
    model: Any, cfg: Config, track: PersonTrack, seq_len: int, args: argparse.Namespace
) -> dict[str, Any]:
    """Seconds of a frame in MMPose, and that both sides agree on its window.

    Raises:
        SystemExit: If they do not.
    """
    inferencer = stock_inferencer(model, cfg, track)
    first = seq_len - 1
    inferencer._buffer['pose_est_results_list'] = [
        [person_sample(track, frame)] for frame in range(first)
    ]
    preparation, lifting, clock = [], [], CLOCKS[args.clock]
    for frame in range(first, first + args.stock_frames + 1):
        begin = clock()
        samples = inferencer.preprocess_single(
            frame, index=frame, disable_norm_pose_2d=True
        )
        batch = inferencer.collate_fn(samples)
        middle = clock()
        (result,) = inferencer.forward(batch)
        synchronize(args.device)
        preparation.append(middle - begin)
        lifting.append(clock() - middle)
    difference = disagreement(model, samples[0], result, seq_len)
    if difference > TOLERANCE:
        raise SystemExit(f'the two sides disagree by {difference} m on a window')
    # The first frame starts libraries.
    stages = {
        'window, copies, pipeline': statistics.median(preparation[1:]),
        'network and decoding': statistics.median(lifting[1:]),
    }
    return {
        'frames_per_s': 1 / sum(stages.values()),
        'ms_per_frame': {name: 1000 * value for name, value in stages.items()},
        'difference_m': difference,
    }


def disagreement(model: Any, sample: dict, result: Any, seq_len: int) -> float:
    """Metres between MMPose's pose of a window's middle frame and ours."""
    lifter = KeypointLifter.of_model(model, seq_len)
    picture = SimpleNamespace(size=IMAGE_SIZE, intrinsics=None)
    ours = lifter.lift_windows(sample['inputs'][None], [picture])[0, seq_len // 2]
    turned = result.pred_instances.keypoints[0]
    theirs = np.stack([-turned[:, 0], -turned[:, 2], turned[:, 1]], axis=-1)
    return float(abs(theirs - theirs[:1] - ours.numpy()).max())


def measure_ours(
    model: Any, track: PersonTrack, seq_len: int, args: argparse.Namespace
) -> dict[str, Any]:
    """Frames a second of a whole clip, and where the time goes."""
    lifter = KeypointLifter.of_model(model, seq_len)
    network: list[float] = []
    clock = CLOCKS[args.clock]
    lift_windows = lifter.lift_windows

    def timed(*inputs: Any) -> Any:
        begin = clock()
        poses = lift_windows(*inputs)  # ends on the CPU, so the device is done
        network.append(clock() - begin)
        return poses

    setattr(lifter, 'lift_windows', timed)  # noqa: B010
    begin = clock()
    lifter.lift_tracks(
        [track],
        IMAGE_SIZE,
        stride=args.stride,
        batch_size=args.batch_size,
        progress=False,
    )
    total = clock() - begin
    stages = {
        'encoding, windows, blending': total - sum(network),
        'network and decoding': sum(network),
    }
    return {
        'frames_per_s': len(track) / total,
        'ms_per_frame': {name: 1000 * t / len(track) for name, t in stages.items()},
        'frames': len(track),
    }


def time_onnx(path: Path, args: argparse.Namespace) -> dict[str, Any]:
    """Milliseconds of one window of an exported lifter on the CPU.

    Raises:
        ValueError: If the network takes more than keypoints.
    """
    facts = read_facts(path)
    if facts.get('task') != 'lift_keypoints':
        raise ValueError(
            f'{path} is for {facts.get("task", "something unknown")}; expected a '
            'lifter of keypoints that tools/export_onnx.py wrote'
        )
    frames = facts['seq_len']
    shape = (1, frames, len(facts['joint_names']), len(facts['input_channels']))
    window = np.random.default_rng(args.seed).uniform(-0.3, 0.3, shape)
    milliseconds = onnx_milliseconds(
        path,
        Call({'keypoints': window.astype(np.float32)}, []),
        repeats=args.onnx_repeats,
        threads=args.threads,
    )
    live, half = lifted_per_second(frames, milliseconds)
    return {
        'file': path.name,
        'seq_len': frames,
        'ms_per_window': milliseconds,
        'live_frames_per_s': live,
        'frames_per_s': half,
    }


def measure_chain(model: Any, seq_len: int, args: argparse.Namespace) -> dict[str, Any]:
    """Frames a second from a video to 3D, and where the time goes."""
    register_all_modules(init_default_scope=False)
    with tempfile.TemporaryDirectory() as folder:
        warm_up, video = Path(folder) / 'warm_up.mp4', Path(folder) / 'video.mp4'
        for path, number in ((warm_up, seq_len + 1), (video, args.video_frames)):
            write_video(path, moving_pictures(number, args.seed), fps=25)
        chain = VideoPoseLifter(
            KeypointLifter.of_model(model, seq_len),
            random_network(args.pose2d, Path(folder) / 'pose2d.pth'),
            random_network(args.detector, Path(folder) / 'detector.pth'),
            device=args.device,
            lifting=dict(stride=args.stride, batch_size=args.batch_size),
        )
        boxes = PeopleInARow(chain.detector, args.people)
        chain.run(warm_up, boxes=boxes, progress=False)  # starts libraries
        begin = time.perf_counter()
        clip = chain.run(video, boxes=boxes, progress=False)
        total = time.perf_counter() - begin
    stages = dict(chain.clock.seconds)
    stages['everything else'] = total - sum(stages.values())
    return {
        'frames_per_s': len(clip) / total,
        'ms_per_frame': {name: 1000 * t / len(clip) for name, t in stages.items()},
        'frames': len(clip),
        'people': len(clip.tracks),
    }


class PeopleInARow:
    """Runs a detector for its time, and answers with people side by side.

    Args:
        detector: What is run.
        number: People.
    """

    def __init__(self, detector: BoxSource, number: int) -> None:
        self.detector = detector
        width, height = VIDEO_SIZE
        middles = (np.arange(number) + 0.5) * width / number
        half = min(0.4 * width / number, height / 5)
        columns = [middles - half, 0 * middles, middles + half, 0 * middles + height]
        boxes = np.stack(columns, axis=-1).astype(np.float32)
        self.people = PersonBoxes(boxes, np.ones(number, np.float32))

    def __call__(self, frames: Sequence[Any]) -> list[PersonBoxes]:
        """The same boxes in each frame."""
        self.detector(frames)
        return [self.people] * len(frames)


def random_network(config: str, path: Path) -> tuple[str, Path]:
    """A config and a file of random weights for it."""
    cfg = Config.fromfile(config)
    with DefaultScope.overwrite_default_scope(cfg.get('default_scope')):
        network = MODELS.build(cfg.model)
    torch.save({'state_dict': network.state_dict()}, path)
    return config, path


def moving_pictures(number: int, seed: int) -> Iterator[np.ndarray]:
    """Frames of blurred noise that moves, ``(H, W, 3)``."""
    width, height = VIDEO_SIZE
    coarse = np.random.default_rng(seed).integers(
        0, 256, (height // 16, width // 16, 3)
    )
    picture = cv2.resize(coarse.astype(np.uint8), VIDEO_SIZE)
    for frame in range(number):
        yield np.roll(picture, 2 * frame, axis=1)


def synchronize(device: str) -> None:
    """Wait for a GPU."""
    if torch.device(device).type == 'cuda':
        torch.cuda.synchronize()


def print_report(report: dict[str, Any]) -> None:
    """Print the tables."""
    settings = report['settings']
    print(
        f'{settings["config"]}, T={report["seq_len"]}, {settings["device"]}, '
        f'{settings["threads"]} thread(s), {settings["clock"]} time, load '
        f'{report["load"]:.1f} on {report["cores"]} cores, torch {report["torch"]}\n'
    )
    for side, name in (('stock', 'MMPose'), ('ours', 'KeypointLifter')):
        print_speed(name, report[side])
    verdict = f', at least {WANTED_RATIO}' if report['as_promised'] else ''
    print(
        f'\nratio {report["ratio"]:.1f}{verdict}; same window: '
        f'{report["stock"]["difference_m"]:.1e} m apart'
    )
    chain = report['chain']
    if chain is not None:
        print(
            f'\nvideo to 3D, {chain["people"]} tracks, {VIDEO_SIZE[0]} x '
            f'{VIDEO_SIZE[1]} pixels, {Path(settings["detector"]).stem}, '
            f'{Path(settings["pose2d"]).stem}, wall time:'
        )
        print_speed('VideoPoseLifter', chain)
    for row in report['onnx']:
        print(
            f'{row["file"]}: T={row["seq_len"]}, {row["ms_per_window"]:.1f} ms a '
            f'window; {row["live_frames_per_s"]:.1f} frames/s with a window a frame, '
            f'{row["frames_per_s"]:.0f} with one every half window'
        )


def print_speed(name: str, row: dict[str, Any]) -> None:
    """Frames a second, and the milliseconds of each stage."""
    print(f'{name:16}{row["frames_per_s"]:12.2f} frames/s')
    for stage, milliseconds in row['ms_per_frame'].items():
        print(f'  {stage:30}{milliseconds:12.3f} ms a frame')


if __name__ == '__main__':
    main()
