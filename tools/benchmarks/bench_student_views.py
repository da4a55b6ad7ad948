"""Views of unlabelled people a second: one batched call, or OpenCV person by person.

    python tools/benchmarks/bench_student_views.py
    python tools/benchmarks/bench_student_views.py --device cuda --batch 128

Both sides get the same uint8 pieces of images, the same maps, the same rectangles of
Joint Cutout and the same heatmaps, and make of them what a training step of two
students needs: the normalised easy view, each student's normalised hard view with
joints cut out, and each teacher's heatmaps carried to the hard view, on the device. One
side does it as the package does, the other with OpenCV and NumPy for each person in
turn, as data loaders do, and moves the results to the device. They run in alternating
rounds in one process; their results are compared first. The traffic from the loader to
the device is that of the pieces against that of the finished float32 views.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path

os.environ.setdefault('OMP_NUM_THREADS', '1')

import cv2  # noqa: E402
import numpy as np  # noqa: E402
import torch  # noqa: E402
from torch import Tensor  # noqa: E402

from mmpose_ext.atomic_write import write_json  # noqa: E402
from mmpose_ext.engine.run_record import machine  # noqa: E402
from mmpose_ext.geometry.drawn_on_the_cpu import to_device  # noqa: E402
from mmpose_ext.geometry.rectangles import Rectangles  # noqa: E402
from mmpose_ext.geometry.similarity import (  # noqa: E402
    compose,
    invert,
    plane_to_plane,
    similarity,
    warp,
    warp_views,
)

JOINTS, STUDENTS, PATCHES = 17, 2, 5
MEAN, STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--batch', type=int, default=32, help='people (default 32)')
    parser.add_argument('--side', type=int, default=424, help='of a piece, pixels')
    parser.add_argument('--size', type=int, nargs=2, default=(192, 256))
    parser.add_argument('--rounds', type=int, default=5)
    parser.add_argument('--threads', type=int, default=1)
    parser.add_argument('--device', default='cpu')
    parser.add_argument('--out', type=Path, help='write the figures as JSON')
    args = parser.parse_args(argv)
    for name in ('batch', 'rounds', 'threads'):
        if getattr(args, name) < 1:
            parser.error(f'--{name} {getattr(args, name)}: expected 1 or more')
    if min(args.size) < 8 or any(side % 4 for side in args.size):
        parser.error(
            f'--size {args.size[0]} {args.size[1]}: expected width and height of 8 '
            'pixels or more, multiples of 4, since heatmaps are a quarter as large'
        )
    if args.side < 8:
        parser.error(f'--side {args.side}: expected 8 pixels or more')
    return args


class Inputs:
    """What both sides get, drawn once."""

    def __init__(self, args: argparse.Namespace) -> None:
        generator = torch.Generator().manual_seed(0)

        def uniform(*shape: int) -> Tensor:
            return torch.rand(*shape, generator=generator)

        count, self.size = args.batch, tuple(args.size)
        self.heatmap_size = (self.size[0] // 4, self.size[1] // 4)
        self.device = torch.device(args.device)
        coarse = uniform(count, 3, args.side // 8, args.side // 8) * 255
        pieces = torch.nn.functional.interpolate(coarse, (args.side, args.side))
        self.pieces = pieces.to(torch.uint8)
        if self.device.type == 'cuda':
            self.pieces = self.pieces.pin_memory()
        centre = (args.side - 1) / 2
        shift = torch.tensor([(n - 1) / 2 - centre for n in self.size])
        box = torch.cat([torch.eye(2), shift[:, None]], dim=1).repeat(count, 1, 1)
        flip = uniform(count) < 0.5
        easy = similarity(
            uniform(count) - 0.5, 0.75 + uniform(count) / 2, flip, size=self.size
        )
        hard = similarity(
            2 * uniform(count) - 1, 0.5 + uniform(count), flip, size=self.size
        )
        self.to_easy, self.to_hard = compose(easy, box), compose(hard, box)
        between = compose(hard, invert(easy))
        self.heatmap_map = plane_to_plane(between, self.size, self.heatmap_size)
        shape = (STUDENTS, count, PATCHES, 2)
        self.centres = (uniform(*shape) * torch.tensor(self.size)).round()
        self.half_sizes = torch.randint(10, 20, shape, generator=generator).float()
        maps = uniform(STUDENTS, count, JOINTS, *self.heatmap_size[::-1])
        self.heatmaps = maps.to(self.device)


def batched(inputs: Inputs) -> tuple[Tensor, Tensor, Tensor]:
    """Easy views, hard views, targets of both students, as the package makes them."""
    device = inputs.device
    pieces = inputs.pieces.to(device, non_blocking=True)
    maps = torch.stack([inputs.to_easy, inputs.to_hard], dim=1)
    easy, hard = warp_views(pieces, to_device(maps, device), inputs.size)
    mean, std = (torch.tensor(v, device=device)[:, None, None] for v in (MEAN, STD))
    centres = to_device(inputs.centres, device)
    half_sizes = to_device(inputs.half_sizes, device)
    exist = torch.ones(centres.shape[1:3], dtype=torch.bool, device=device)
    cut = [
        torch.where(Rectangles(c, h, exist).union(inputs.size), mean, hard)
        for c, h in zip(centres, half_sizes, strict=True)
    ]
    between = to_device(inputs.heatmap_map, device)
    targets = [warp(maps, between, inputs.heatmap_size) for maps in inputs.heatmaps]
    return (
        (easy - mean) / std,
        (torch.stack(cut) - mean) / std,
        torch.stack(targets),
    )


def one_by_one(inputs: Inputs) -> tuple[Tensor, Tensor, Tensor]:
    """The same with OpenCV, person by person, on the CPU, then moved."""
    mean, std = np.float32(MEAN), np.float32(STD)
    teachers = inputs.heatmaps.cpu().numpy()
    easy, hard, targets = (
        [],
        [[] for _ in range(STUDENTS)],
        [[] for _ in range(STUDENTS)],
    )
    for person, piece in enumerate(inputs.pieces):
        image = np.ascontiguousarray(piece.permute(1, 2, 0).numpy())
        to_easy, to_hard = (m[person].numpy() for m in (inputs.to_easy, inputs.to_hard))
        view = cv2.warpAffine(image, to_easy, inputs.size, flags=cv2.INTER_LINEAR)
        easy.append(((view - mean) / std).transpose(2, 0, 1))
        base = cv2.warpAffine(image, to_hard, inputs.size, flags=cv2.INTER_LINEAR)
        for student in range(STUDENTS):
            view = base.astype(np.float32)
            places = zip(
                inputs.centres[student, person].numpy(),
                inputs.half_sizes[student, person].numpy(),
                strict=True,
            )
            for centre, half in places:
                x, y = np.maximum(centre - half, 0).astype(int)
                behind_x, behind_y = np.maximum(centre + half, 0).astype(int)
                view[y:behind_y, x:behind_x] = mean
            hard[student].append(((view - mean) / std).transpose(2, 0, 1))
            between = inputs.heatmap_map[person].numpy()
            targets[student].append(
                [
                    cv2.warpAffine(heatmap, between, inputs.heatmap_size)
                    for heatmap in teachers[student, person]
                ]
            )
    stacked = (
        np.stack(easy),
        np.stack([np.stack(h) for h in hard]),
        np.float32(targets),
    )
    return tuple(torch.from_numpy(array).to(inputs.device) for array in stacked)


def check(inputs: Inputs) -> dict[str, float]:
    """Mean differences of the results, or an error if they are not the same."""
    names = ('easy', 'hard', 'targets')
    pairs = zip(names, batched(inputs), one_by_one(inputs), strict=True)
    found = {name: float((one - other).abs().mean()) for name, one, other in pairs}
    # OpenCV rounds places to 1/32 pixel and images to whole grey values.
    if max(found.values()) > 0.02:
        raise SystemExit(f'the two sides disagree: {found}')
    return found


def measure(
    sides: dict[str, Callable], inputs: Inputs, rounds: int
) -> dict[str, float]:
    """Median seconds of each side, in turns."""
    times: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name, side in sides.items():
            start = time.perf_counter()
            side(inputs)
            if inputs.device.type == 'cuda':
                torch.cuda.synchronize()
            times[name].append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in times.items()}


def main(argv: Sequence[str] | None = None) -> None:
    """Compare, measure, print."""
    args = parse_args(argv)
    torch.set_num_threads(args.threads)
    cv2.setNumThreads(args.threads)
    inputs = Inputs(args)
    difference = check(inputs)
    seconds = measure({'batched': batched, 'opencv': one_by_one}, inputs, args.rounds)
    rate = {name: args.batch / value for name, value in seconds.items()}
    pieces = inputs.pieces[0].numel() / 1e6
    views = (1 + STUDENTS) * 3 * args.size[0] * args.size[1] * 4 / 1e6
    result = {
        'settings': {key: str(value) for key, value in vars(args).items()},
        'people_per_second': rate,
        'ratio': rate['batched'] / rate['opencv'],
        'megabytes_to_the_device_a_person': {'batched': pieces, 'opencv': views},
        'mean_difference': difference,
        'load': os.getloadavg()[0],
        'machine': machine(),
    }
    print(
        f'people a second, batch {args.batch}, {args.device}, {args.threads} thread(s)'
    )
    print(
        f'  one batched call       {rate["batched"]:10.1f}   {pieces:.2f} MB a person'
    )
    print(f'  OpenCV, one by one     {rate["opencv"]:10.1f}   {views:.2f} MB a person')
    print(f'  ratio                  {result["ratio"]:10.2f}x')
    if args.out:
        write_json(args.out, result)


if __name__ == '__main__':
    main()
