"""A network as an ONNX file, which runs without torch and gives the same numbers.

    python tools/export_onnx.py configs/prml/prml_h36m_243.py CHECKPOINT --out prml.onnx
    python tools/export_onnx.py CONFIG CHECKPOINT --fp16 --int8     # two more files
    python tools/export_onnx.py CONFIG --random-weights --benchmark 27 81 --seq-len 27
    python tools/export_onnx.py configs/posynda/posynda_mocap_27.py CHECKPOINT \
        --part sampler --sampling-steps 10                 # or --part denoiser
    python tools/export_onnx.py configs/dual_student/dual_jc_r18_coco.py CHECKPOINT \
        --network student1
    python tools/export_onnx.py configs/mmfi/concat.py CHECKPOINT --max-points 1024 256

What goes into the file:

    lifters             keypoints (batch, T, 17, C), normalised, to poses relative to
                        the root; the flip test too, unless --no-flip-test
    diffusion lifters   keypoints and noise (batch, hypotheses, steps, T, 17, 3) to the
                        mean pose and all hypotheses, every sampling step; or one call
                        of the network
    2D networks         images (batch, 3, H, W), 0 to 255, to heatmaps
    MM-Fi               frames of all sensors with the masks of their points, and which
                        sensors there are, to absolute poses

Batches (and the number of hypotheses) may have any size; T, image size and number of
points are fixed. Metadata say what a program must know: T, joints and how to make them
of other joint sets, normalisation, units. demo/lift_onnx.py needs nothing else.

Every file is run in ONNX Runtime on batches of 1, 2 and 5 before it gets its name. If
an output differs from torch's float32 output by more than a share of what that varies
between inputs, nothing is written and the exit code is 1:

    float32             1e-4
    --fp16  NAME_fp16   1e-2; half the size, for GPUs. Clouds of points stay float32
    --int8  NAME_int8   2e-1; linear layers and convolutions in int8, activations scaled
                        as they come. The difference is printed: judge it by your metric

An output that hardly depends on the inputs, as that of a network without training may
be, cannot be checked so, and is refused as well.

--benchmark times one window at a time on one CPU thread, at the T of the file and at
those that are given (27 and 81 by default). Frames a second are those with a window a
frame, as a live stream without look-ahead has it, and with one every half window. The
export of a deep network takes a minute or two, that of MM-Fi's point encoders some
minutes.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmpose.models.pose_estimators import TopdownPoseEstimator
from mmpose.registry import MODELS

from mmpose_ext.apis.keypoint_lifter import PERSON_HEIGHT, window_length
from mmpose_ext.atomic_write import atomic_path
from mmpose_ext.engine.launch import add_cfg_options, add_trust_checkpoint
from mmpose_ext.engine.lifter_files import LifterFiles, load_config, load_lifter
from mmpose_ext.engine.onnx_check import (
    TOLERANCES,
    Call,
    OnnxMismatchError,
    check_file,
    reference_calls,
    variations,
)
from mmpose_ext.engine.onnx_diffusion_graphs import DenoiserGraph, SamplerGraph
from mmpose_ext.engine.onnx_export import OPSET, export_graph, quantize
from mmpose_ext.engine.onnx_graph import OnnxGraph
from mmpose_ext.engine.onnx_lifter_graph import LifterGraph
from mmpose_ext.engine.onnx_sensor_graphs import HeatmapGraph, MultiModalGraph
from mmpose_ext.engine.onnx_speed import (
    lifted_per_second,
    onnx_milliseconds,
    single_call,
    torch_milliseconds,
)
from mmpose_ext.engine.pose_networks import choose_network
from mmpose_ext.models.estimators import (
    DiffusionLifter,
    MultiModalPoseEstimator,
    NetworkPair,
    SequenceLifter,
)
from mmpose_ext.models.estimators.consistency_learner import ConsistencyLearner
from mmpose_ext.version import __version__


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('config', help='config file')
    parser.add_argument('checkpoint', nargs='?', help='.pth or .safetensors')
    parser.add_argument(
        '--random-weights', action='store_true', help='no checkpoint, to try things'
    )
    parser.add_argument('--out', type=Path, help='the file (default: CONFIG.onnx)')
    parser.add_argument('--fp16', action='store_true', help='also write NAME_fp16.onnx')
    parser.add_argument('--int8', action='store_true', help='also write NAME_int8.onnx')
    parser.add_argument(
        '--part',
        choices=['sampler', 'denoiser'],
        default='sampler',
        help='what of a diffusion lifter (default: sampler)',
    )
    parser.add_argument(
        '--sampling-steps', type=int, help="of the sampler (default: the config's)"
    )
    parser.add_argument(
        '--flip-test',
        action=argparse.BooleanOptionalAction,
        help="of lifters, twice the work (default: the config's)",
    )
    parser.add_argument(
        '--seq-len', type=int, metavar='T', help="frames (default: the config's)"
    )
    parser.add_argument('--network', help='which student (default: the first)')
    parser.add_argument(
        '--max-points',
        type=int,
        nargs=2,
        default=(1024, 256),
        metavar=('LIDAR', 'MMWAVE'),
        help='points of the clouds (default: 1024 256)',
    )
    parser.add_argument(
        '--opset', type=int, default=OPSET, help=f'of the operators (default: {OPSET})'
    )
    parser.add_argument(
        '--tolerance', type=float, help='of the float32 file (default: 1e-4)'
    )
    parser.add_argument(
        '--benchmark',
        type=int,
        nargs='*',
        metavar='T',
        help='time single windows, also of these lengths (default: 27 81)',
    )
    parser.add_argument('--overwrite', action='store_true', help='replace files')
    add_trust_checkpoint(parser)
    add_cfg_options(parser)
    args = parser.parse_args(argv)
    if (args.checkpoint is None) != args.random_weights:
        parser.error('give a checkpoint, or --random-weights instead of it')
    lengths = [args.seq_len, *(args.benchmark or ())]
    counts = [args.sampling_steps, *args.max_points]
    if any(number is not None and number < 1 for number in (*lengths, *counts)):
        parser.error(
            '--seq-len, --sampling-steps, --max-points and --benchmark: expected '
            'positive numbers'
        )
    args.device = 'cpu'
    return args


def main(argv: Sequence[str] | None = None) -> list[Path]:
    """Export, check, time.

    Returns:
        The files.

    Raises:
        SystemExit: With code 1, if a file does not give the network's numbers.
    """
    args = parse_args(argv)
    files = files_to_write(args)
    cfg, model = load_model(args)
    graph = make_graph(model, cfg, args)
    calls = reference_calls(graph)
    facts = facts_of(args)
    try:
        variations(graph.outputs, calls)  # says now if nothing could be compared
        write_file(files['fp32'], graph, calls, args, facts)
        if 'int8' in files:
            write_quantized(files['int8'], files['fp32'], calls, facts)
        if args.benchmark is not None:
            benchmark(files, lambda length: make_graph(model, cfg, args, length), args)
        if 'fp16' in files:  # last, because it changes the network
            graph.to_half()
            write_file(
                files['fp16'], graph, calls, args, {**facts, 'precision': 'fp16'}
            )
    except OnnxMismatchError as error:
        raise SystemExit(f'nothing more is written: {error}') from error
    return list(files.values())


def files_to_write(args: argparse.Namespace) -> dict[str, Path]:
    """The files by precision.

    Raises:
        FileExistsError: If one exists and ``--overwrite`` is not given.
    """
    out = args.out or Path(Path(args.config).stem)
    stem = out.with_suffix('') if out.suffix == '.onnx' else out
    wanted = [name for name in ('fp16', 'int8') if getattr(args, name)]
    files = {'fp32': stem.with_name(f'{stem.name}.onnx')} | {
        name: stem.with_name(f'{stem.name}_{name}.onnx') for name in wanted
    }
    for file in files.values():
        if file.exists() and not args.overwrite:
            raise FileExistsError(f'{file} exists; choose another --out or --overwrite')
    return files


def load_model(args: argparse.Namespace) -> tuple[Config, Any]:
    """The config and its network, in evaluation mode on the CPU.

    Raises:
        FileNotFoundError: If a file does not exist.
        ValueError: If the checkpoint is of another network.
    """
    for file in filter(None, (args.config, args.checkpoint)):
        if not Path(file).expanduser().is_file():
            raise FileNotFoundError(f'there is no file {file}')
    files = LifterFiles('', args.config, args.checkpoint or '')
    cfg = load_config(files, args)
    if not args.random_weights:
        return cfg, load_lifter(files, args, cfg)
    torch.manual_seed(0)
    return cfg, MODELS.build(cfg.model).eval()


def make_graph(
    model: Any, cfg: Config, args: argparse.Namespace, seq_len: int | None = None
) -> OnnxGraph:
    """What of a network goes into a file.

    Args:
        model: The network.
        cfg: Its config.
        args: Parsed arguments.
        seq_len: Frames of the windows of a lifter; as the arguments say, if ``None``.

    Raises:
        ValueError: If it is none of the networks that can be exported.
    """
    if isinstance(model, SequenceLifter):
        options = dict(seq_len=seq_len or args.seq_len or window_length(cfg))
        if not isinstance(model, DiffusionLifter):
            return LifterGraph(model, flip_test=args.flip_test, **options)
        if args.part == 'denoiser':
            return DenoiserGraph(model, **options)
        options |= dict(sampling_steps=args.sampling_steps)
        return SamplerGraph(model, flip_test=args.flip_test, **options)
    if isinstance(model, ConsistencyLearner | TopdownPoseEstimator):
        _, network = choose_network(model, args.network)
        names = (getattr(model, 'metainfo', None) or {}).get('keypoint_id2name', {})
        joint_names = [names[number] for number in sorted(names)]
        return HeatmapGraph(network, model.data_preprocessor, joint_names)
    if isinstance(model, MultiModalPoseEstimator | NetworkPair):
        lidar, mmwave = args.max_points
        return MultiModalGraph(model, max_points=dict(lidar=lidar, mmwave=mmwave))
    raise ValueError(
        f'{args.config} has a {type(model).__name__}; expected a SequenceLifter, a '
        'DiffusionLifter, a top-down estimator or students of such, or a '
        'MultiModalPoseEstimator'
    )


def facts_of(args: argparse.Namespace) -> dict[str, Any]:
    """Metadata that do not depend on the network."""
    return {
        'config': Path(args.config).stem,
        'mmpose_ext': __version__,
        'precision': 'fp32',
        'person_height': PERSON_HEIGHT,
        'random_weights': args.random_weights,
    }


def write_file(
    path: Path,
    graph: OnnxGraph,
    calls: Sequence[Call],
    args: argparse.Namespace,
    facts: dict[str, Any],
) -> None:
    """Export a graph and compare it; the file appears if it agrees."""
    tolerance = TOLERANCES[facts['precision']]
    if facts['precision'] == 'fp32' and args.tolerance is not None:
        tolerance = args.tolerance
    with atomic_path(path) as temporary:
        export_graph(graph, temporary, opset=args.opset, facts=facts)
        difference = check_file(temporary, calls, tolerance=tolerance)
    report(path, f'opset {args.opset}', difference, tolerance)


def write_quantized(
    path: Path, source: Path, calls: Sequence[Call], facts: dict[str, Any]
) -> None:
    """Quantise a file and compare it; the copy appears if it agrees."""
    with atomic_path(path) as temporary:
        number = quantize(source, temporary, facts={**facts, 'precision': 'int8'})
        difference = check_file(temporary, calls, tolerance=TOLERANCES['int8'])
    report(path, f'{number} layers in int8', difference, TOLERANCES['int8'])


def report(path: Path, what: str, difference: float, tolerance: float) -> None:
    """Say what was written and how well it agrees."""
    print(
        f'wrote {path} ({path.stat().st_size / 1e6:.1f} MB, {what}); differs from '
        f'torch by {difference:.1e} of what outputs vary, at most {tolerance:.0e}'
    )


def benchmark(
    files: dict[str, Path],
    graph_of: Callable[[int | None], OnnxGraph],
    args: argparse.Namespace,
) -> None:
    """Print how long one window takes on one thread of the CPU."""
    graph = graph_of(None)
    own, call = getattr(graph, 'seq_len', None), single_call(graph)
    print('one call at a time, batch 1, one thread:')
    for name in ('fp32', 'int8'):
        if name in files:
            print_speed(name, own, onnx_milliseconds(files[name], call))
    print_speed('torch', own, torch_milliseconds(graph, call))
    lengths = () if own is None else (args.benchmark or (27, 81))
    for length in lengths:
        if length != own:
            benchmark_length(length, graph_of, args)


def benchmark_length(
    length: int,
    graph_of: Callable[[int | None], OnnxGraph],
    args: argparse.Namespace,
) -> None:
    """The same for windows of another length, if the network takes them."""
    try:
        graph = graph_of(length)
        call = single_call(graph)
    except (ValueError, RuntimeError) as error:
        print(f'  T={length}: {error}')
        return
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / 'window.onnx'
        export_graph(graph, file, opset=args.opset)
        print_speed('fp32', length, onnx_milliseconds(file, call))
        if args.int8:
            copy = Path(folder) / 'int8.onnx'
            quantize(file, copy)
            print_speed('int8', length, onnx_milliseconds(copy, call))
    print_speed('torch', length, torch_milliseconds(graph, call))


def print_speed(name: str, seq_len: int | None, milliseconds: float) -> None:
    """One line of the benchmark."""
    if seq_len is None:
        print(f'  {name:6}{milliseconds:9.2f} ms, {1000 / milliseconds:,.1f} calls/s')
        return
    live, half = lifted_per_second(seq_len, milliseconds)
    print(
        f'  T={seq_len:<4}{name:6}{milliseconds:9.2f} ms; {live:,.1f} frames/s with a '
        f'window a frame, {half:,.1f} with one every half window'
    )


if __name__ == '__main__':
    main()
