"""Milliseconds a sample of MM-Fi: the release's files, one by one, and the store.

    python tools/benchmarks/bench_mmfi_reading.py
    python tools/benchmarks/bench_mmfi_reading.py --tree MMFi_Dataset --out read.json

Both sides give the same sample, and samples are compared first: keypoints, LiDAR
points, radar points, channel state without holes and stretched to [0, 1], and the pose,
all in float32. One opens the five files of a frame with the converter's own readers and
cleans the channel state; the other is MMFiDataset on the store that the converter made
of these files, which holds it clean. Frames come in random order, warm, in one process,
both sides in turns. CPU time counts the work of the process alone, the kernel's
included, so on a busy machine it is the fairer of the two times.

The release keeps the poses of a sequence in one file, which the data set's toolbox
opens for every frame; so does this, and the figure with poses kept in memory is printed
as well. Without --tree, files of random content are written in the sizes of the
release: 700 to 1,600 LiDAR points, 0 to 60 radar points, 297 frames a sequence.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

os.environ.setdefault('OMP_NUM_THREADS', '1')

import numpy as np  # noqa: E402
import torch  # noqa: E402
from scipy.io import savemat  # noqa: E402

from mmpose_ext.datasets import MMFiDataset  # noqa: E402
from mmpose_ext.datasets.channel_state import clean_csi, min_max  # noqa: E402
from mmpose_ext.datasets.mmfi_conversion import convert_tree  # noqa: E402
from mmpose_ext.datasets.mmfi_frame_files import (  # noqa: E402
    read_channel_state,
    read_ground_truth,
    read_keypoints,
    read_points,
)
from mmpose_ext.datasets.mmfi_layout import (  # noqa: E402
    GROUND_TRUTH,
    MODALITIES,
    MODALITY_FILES,
    frame_name,
)
from mmpose_ext.datasets.mmfi_tree import SequenceFolder, find_sequences  # noqa: E402

Sample = dict[str, np.ndarray]
CLOCKS = ('wall', 'CPU')


def parse_args() -> argparse.Namespace:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add('--tree', type=Path, help='files of the release; default: random ones')
    add('--sequences', type=int, default=6, help='of random files')
    add('--frames', type=int, default=297, help='of a random sequence')
    add('--samples', type=int, default=500, help='a round')
    add('--rounds', type=int, default=5)
    add('--out', type=Path, help='write the figures as JSON')
    return parser.parse_args()


def main() -> None:
    """Write the data, compare a few samples, time both sides."""
    args = parse_args()
    torch.set_num_threads(1)
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder:
        tree = args.tree or write_tree(Path(folder) / 'tree', args)
        store = Path(folder) / 'store'
        _, seconds = timed(lambda: convert_tree(tree, store))
        sequences, _ = find_sequences(tree)
        compare(sequences, store)
        rows = {
            name: measure(sequences, store, modalities, poses, args)
            for name, modalities, poses in (
                *((name, (name,), None) for name in MODALITIES),
                ('all', MODALITIES, None),
                ('all and pose', MODALITIES, 'file'),
                ('all, poses kept', MODALITIES, 'memory'),
            )
        }
        dataset = open_store(store, MODALITIES)
    report = {
        'rows': rows,
        'frames': len(dataset),
        'converting_ms_a_frame': seconds / len(dataset) * 1e3,
        'load': [load, os.getloadavg()[0]],
        'cores': os.cpu_count(),
        'machine': platform.machine(),
    }
    print_table(report)
    if args.out:
        args.out.write_text(json.dumps(report, indent=1) + '\n', encoding='utf-8')


def write_tree(root: Path, args: argparse.Namespace) -> Path:
    """Write files of random content in the release's layout and sizes."""
    rng = np.random.default_rng(0)
    for number in range(args.sequences):
        folder = root / 'E01' / f'S{number % 10 + 1:02d}' / f'A{number // 10 + 1:02d}'
        for modality in MODALITIES:
            (folder / MODALITY_FILES[modality].folder).mkdir(parents=True)
        np.save(folder / GROUND_TRUTH, rng.normal(0, 1, (args.frames, 17, 3)))
        for frame in range(1, args.frames + 1):
            files = {
                name: folder / MODALITY_FILES[name].folder / frame_name(name, frame)
                for name in MODALITIES
            }
            np.save(files['rgb'], rng.uniform(0, 480, (17, 2)).astype(np.float32))
            rng.normal(0, 1, (rng.integers(700, 1600), 3)).tofile(files['lidar'])
            rng.normal(0, 1, (rng.integers(0, 61), 5)).tofile(files['mmwave'])
            amplitude = rng.uniform(20, 60, (3, 114, 10))
            if frame % 8 == 0:
                amplitude[0, :3, 2] = -np.inf
            phase = rng.uniform(-3, 3, (3, 114, 10))
            savemat(files['wifi'], {'CSIamp': amplitude, 'CSIphase': phase})
    return root


def open_store(store: Path, modalities: Iterable[str]) -> MMFiDataset:
    """Every frame of the store, one frame a window."""
    everybody = dict(train=dict(actions=[f'A{n:02d}' for n in range(1, 28)]))
    return MMFiDataset(
        store,
        modalities=tuple(modalities),
        protocol=3,
        split='manual',
        manual=everybody,
        windows={},
        empty_radar='keep',
    )


def from_files(
    sequence: SequenceFolder,
    frame: int,
    modalities: Iterable[str],
    poses: Mapping[str, np.ndarray] | str | None,
) -> Sample:
    """A sample from the files of a frame; `frame` from 0 on."""
    sample = {}
    for name in modalities:
        file = sequence.folder(name) / frame_name(name, frame + 1)
        if name == 'wifi':
            amplitude = read_channel_state(file, ('amplitude',))[0]
            sample[name] = min_max(clean_csi(amplitude[None])[0][0])
        elif columns := MODALITY_FILES[name].columns:
            sample[name] = read_points(file, columns)
        else:
            sample[name] = read_keypoints(file)
    if poses == 'file':
        sample['pose'] = read_ground_truth(sequence.path / GROUND_TRUTH)[frame]
    elif isinstance(poses, Mapping):
        sample['pose'] = poses[sequence.name][frame]
    return sample


def from_store(dataset: MMFiDataset, index: int) -> Sample:
    """A sample from the store; arrays are copied, so that they are truly read."""
    raw = dataset.get_data_info(index)
    sample = {name: raw[name].copy() for name in dataset.modalities if name != 'wifi'}
    if 'wifi' in dataset.modalities:
        sample['wifi'] = min_max(raw['wifi'])
    sample['pose'] = raw['pose'].copy()
    return sample


def compare(sequences: list[SequenceFolder], store: Path) -> None:
    """Check that both sides give the same."""
    dataset = open_store(store, MODALITIES)
    folders = {sequence.name: sequence for sequence in sequences}
    for index in np.linspace(0, len(dataset) - 1, 20).astype(int).tolist():
        info = dataset.get_data_info(index)
        theirs = from_files(
            folders[info['sequence']], info['frame_id'], MODALITIES, 'file'
        )
        ours = from_store(dataset, index)
        ours['rgb'] = ours['rgb'][0]
        for name, value in theirs.items():
            np.testing.assert_allclose(ours[name], value, atol=1e-6, err_msg=name)


def measure(
    sequences: list[SequenceFolder],
    store: Path,
    modalities: tuple[str, ...],
    poses: str | None,
    args: argparse.Namespace,
) -> dict[str, dict[str, float]]:
    """Median milliseconds a sample of both sides, in turns."""
    dataset = open_store(store, modalities)
    folders = {sequence.name: sequence for sequence in sequences}
    places = [(info['sequence'], info['frame_id']) for info in infos(dataset)]
    rng = np.random.default_rng(0)
    order = rng.integers(len(dataset), size=args.samples).tolist()
    known: Any = poses
    if poses == 'memory':
        known = {s.name: read_ground_truth(s.path / GROUND_TRUTH) for s in sequences}

    def read_files() -> None:
        for index in order:
            name, frame = places[index]
            from_files(folders[name], frame, modalities, known)

    def read_store() -> None:
        for index in order:
            from_store(dataset, index)

    times: dict[str, list[tuple[float, float]]] = {'files': [], 'store': []}
    for _ in range(args.rounds + 1):
        for side, call in (('files', read_files), ('store', read_store)):
            wall, cpu = timed(call)
            times[side].append((wall / len(order) * 1e3, cpu / len(order) * 1e3))
    row = {}
    for clock, name in enumerate(CLOCKS):
        # The first round warms caches up.
        theirs, ours = (
            statistics.median(values[clock] for values in times[side][1:])
            for side in ('files', 'store')
        )
        row[name] = {'files': theirs, 'store': ours, 'ratio': theirs / ours}
    return row


def infos(dataset: MMFiDataset) -> Iterable[dict[str, Any]]:
    """Raw samples in order."""
    return (dataset.get_data_info(index) for index in range(len(dataset)))


def timed(call: Callable[[], Any]) -> tuple[float, float]:
    """Wall and CPU time of a call, seconds."""
    wall, cpu = time.perf_counter(), time.process_time()
    call()
    return time.perf_counter() - wall, time.process_time() - cpu


def print_table(report: dict[str, Any]) -> None:
    """Print the medians."""
    before, after = report['load']
    print(
        f'Milliseconds a sample, {report["frames"]} frames, load {before:.1f} to '
        f'{after:.1f} on {report["cores"]} cores\n'
    )
    print(f'{"":17}' + ''.join(f'{f"{name} time":^31}' for name in CLOCKS))
    print(f'{"":17}' + f'{"files":>10}{"store":>10}{"ratio":>10} ' * len(CLOCKS))
    for name, row in report['rows'].items():
        cells = (
            f'{row[clock]["files"]:10.3f}{row[clock]["store"]:10.4f}'
            f'{row[clock]["ratio"]:9.1f}x '
            for clock in CLOCKS
        )
        print(f'{name:17}' + ''.join(cells))
    print(f'\nconverting, once: {report["converting_ms_a_frame"]:.2f} ms CPU a frame')


if __name__ == '__main__':
    main()
