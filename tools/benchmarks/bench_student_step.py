r"""Time of a whole training step of students, its parts, and its waits for the device.

    python tools/benchmarks/bench_student_step.py             # ResNet-18, 192 x 256
    CONFIG=configs/dual_student/dual_jc_synthetic.py
    python tools/benchmarks/bench_student_step.py $CONFIG --pairs 8
    python tools/benchmarks/bench_student_step.py --device cuda --pairs 64 \
        --cfg-options optim_wrapper.type=Bf16OptimWrapper

The other side is supervised training with stock parts: MMPose's top-down estimators of
the same config, each with an optimiser of its own, taking turns. In each step every one
of them learns from as many images as a student learns from (labelled ones and hard
views) and passes as many without gradient as a student passes as a teacher (easy
views); the number of images is checked. What is left of the difference is what
consistency costs: views, targets, passes that are not stacked. Targets of the stock
side come from the loader and take no time here, and neither side loads images: all are
noise. MMPose normalises images on their way to the device, students where they make
views (``rest``).

Both sides take turns in one process; medians of several rounds. Parts are timed in
steps of their own, since on a GPU the clock has to wait for each of them. On a GPU,
waits for the device are those that CUDA reports; elsewhere, operations that would wait
if they ran on one (of the optimiser nothing is counted then: Adam counts its steps on
the CPU in any case). MMEngine fetches each value that it records after the step; these
waits stand apart.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

os.environ.setdefault('OMP_NUM_THREADS', '1')

import torch  # noqa: E402
from mmengine.config import Config, DictAction  # noqa: E402
from mmengine.logging import MessageHub  # noqa: E402
from mmengine.optim import OptimWrapper, build_optim_wrapper  # noqa: E402
from mmengine.registry import init_default_scope  # noqa: E402
from mmengine.structures import InstanceData, PixelData  # noqa: E402
from mmpose.registry import MODELS  # noqa: E402
from mmpose.structures import PoseDataSample  # noqa: E402
from torch import Tensor, nn  # noqa: E402

import mmpose_ext  # noqa: E402, F401
from mmpose_ext.atomic_write import write_json  # noqa: E402
from mmpose_ext.engine.device_waits import device_waits  # noqa: E402
from mmpose_ext.engine.run_record import machine  # noqa: E402

CONFIG = Path(__file__).parents[2] / 'configs/dual_student/dual_jc_r18_coco.py'
REACH = 424 / 256  # longer side of a piece, as CropPersonSource sends it, to the view's
PARTS = (
    'to the device',
    'views',
    'easy forward',
    'hard and labelled forward',
    'backward',
    'optimiser',
)


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('config', nargs='?', default=str(CONFIG), help='of students')
    parser.add_argument('--pairs', type=int, default=4, help='default 4')
    parser.add_argument('--rounds', type=int, default=3, help='default 3')
    parser.add_argument('--threads', type=int, default=1, help='default 1')
    parser.add_argument('--device', default='cpu', help='default cpu')
    parser.add_argument('--cfg-options', nargs='+', action=DictAction, default={})
    parser.add_argument('--out', type=Path, help='write the figures as JSON')
    args = parser.parse_args(argv)
    for name in ('pairs', 'rounds', 'threads'):
        if getattr(args, name) < 1:
            parser.error(f'--{name} {getattr(args, name)}: expected 1 or more')
    if args.device.startswith('cuda') and not torch.cuda.is_available():
        parser.error(f'--device {args.device}: no GPU is at hand')
    return args


class Stopwatch:
    """Times parts of a step, and counts the images that networks pass.

    Args:
        device: Where the work is done.
        running: Read the clock around the parts; on a GPU this waits for it.
    """

    def __init__(self, device: torch.device, *, running: bool = False) -> None:
        self.device, self.running = device, running
        self.seconds: dict[str, float] = defaultdict(float)
        self.images: Counter[str] = Counter()

    def now(self) -> float:
        """Seconds, after the device has finished."""
        if self.device.type == 'cuda':
            torch.cuda.synchronize(self.device)
        return time.perf_counter()

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Time what is inside."""
        if not self.running:
            yield
            return
        start = self.now()
        yield
        self.seconds[name] += self.now() - start

    def watch(self, owner: Any, method: str, name: str) -> None:
        """Time a method from now on."""
        original = getattr(owner, method)

        def timed(*args: Any, **kwargs: Any) -> Any:
            with self.part(name):
                return original(*args, **kwargs)

        setattr(owner, method, timed)

    def watch_network(self, network: nn.Module) -> None:
        """Time a network's passes, with gradient and without, and count images."""
        original = network.forward

        def timed(inputs: Tensor, *args: Any, **kwargs: Any) -> Any:
            learns = torch.is_grad_enabled()
            name = 'hard and labelled forward' if learns else 'easy forward'
            self.images[name] += len(inputs)
            with self.part(name):
                return original(inputs, *args, **kwargs)

        setattr(network, 'forward', timed)  # noqa: B010


class Students:
    """The side that the package trains.

    Args:
        cfg: Config with ``model`` and ``optim_wrapper``.
        args: Flags.
    """

    def __init__(self, cfg: Config, args: argparse.Namespace) -> None:
        self.device = torch.device(args.device)
        self.model = on(MODELS.build(cfg.model), self.device)
        self.optim = build_optim_wrapper(self.model, cfg.optim_wrapper)
        self.watch = Stopwatch(self.device)
        for network in self.model.networks().values():
            self.watch.watch_network(network)
        self.watch.watch(self.model.data_preprocessor, 'forward', 'to the device')
        for method in ('forward', 'harden'):
            self.watch.watch(self.model.views, method, 'views')
        watch_optimiser(self.watch, self.optim)
        self.batch = self._batch(args.pairs)

    def step(self) -> dict[str, Tensor]:
        """One training step; what MMEngine records of it."""
        return self.model.train_step(self.batch, self.optim)

    def waits(self) -> tuple[list[str], list[str]]:
        """What waits for the device: in a step, and where MMEngine records it."""
        update = self.optim.update_params
        if self.device.type != 'cuda':
            self.optim.update_params = self.optim.backward  # see the module's docstring
        with device_waits(self.device) as of_step:
            values = self.step()
        self.optim.update_params = update
        self.optim.zero_grad()
        hub = MessageHub.get_instance('bench_student_step')
        with device_waits(self.device) as of_record:
            for name, value in values.items():
                hub.update_scalar(name, value)
        return of_step, of_record

    def _batch(self, pairs: int) -> dict[str, Any]:
        """Noise as a data loader would give it."""
        model = self.model
        width, height = model.plane.input_size
        side = round(REACH * max(width, height))
        piece = (side, side) if model.views.easy else (height, width)
        shift = torch.tensor([[1, 0, (width - side) / 2], [0, 1, (height - side) / 2]])
        joints = model.metainfo['num_keypoints']
        batch = dict(
            inputs=dict(
                labelled=noise(pairs, 3, height, width),
                unlabelled=noise(pairs, 3, *piece),
            ),
            targets=dict(
                keypoints=torch.rand(pairs, joints, 2) * torch.tensor([width, height]),
                keypoint_weights=torch.ones(pairs, joints),
                source_to_input=shift.repeat(pairs, 1, 1),
            ),
        )
        if self.device.type == 'cuda':
            batch = {
                key: {name: tensor.pin_memory() for name, tensor in part.items()}
                for key, part in batch.items()
            }
        return {**batch, 'data_samples': {}}


class Supervised:
    """The side that stock MMPose trains, on as many passes of images.

    Args:
        cfg: Config of the students.
        students: The other side, after a step, which tells how many images pass.
        args: Flags.
    """

    def __init__(
        self, cfg: Config, students: Students, args: argparse.Namespace
    ) -> None:
        device = torch.device(args.device)
        networks = cfg.model.get('students') or [cfg.model.student]
        keys = ('mean', 'std', 'bgr_to_rgb')
        colours = {key: cfg.model.data_preprocessor[key] for key in keys}
        self.watch = Stopwatch(device)
        self.pairs = []
        for network in networks:
            preprocessor = dict(
                type='PoseDataPreprocessor', non_blocking=True, **colours
            )
            # Students are not scored in training, either; it would wait for the device.
            quiet = dict(network.get('train_cfg') or {}, compute_acc=False)
            model = MODELS.build(
                {**network, 'train_cfg': quiet, 'data_preprocessor': preprocessor}
            )
            model = on(model, device)
            self.watch.watch_network(model)
            optim = build_optim_wrapper(model, cfg.optim_wrapper)
            watch_optimiser(self.watch, optim)
            self.watch.watch(model.data_preprocessor, 'forward', 'to the device')
            self.pairs.append((model, optim))
        counted, number = students.watch.images, len(networks)
        plane = students.model.plane
        joints = students.model.metainfo['num_keypoints']
        learned = counted['hard and labelled forward'] // number
        self.batch = supervised_batch(learned, plane, joints, device)
        shown = counted['easy forward'] // number
        self.easy = supervised_batch(shown, plane, joints, device)

    def step(self) -> None:
        """One step of each estimator."""
        for model, optim in self.pairs:
            if self.easy['inputs']:
                with torch.no_grad(), optim.optim_context(model):
                    images = model.data_preprocessor(self.easy, True)['inputs']
                    model(images, None, mode='tensor')
            model.train_step(self.batch, optim)


def supervised_batch(
    number: int, plane: Any, joints: int, device: torch.device
) -> dict[str, Any]:
    """Noise as the loader of a stock config would give it; targets on the device."""
    width, height = plane.input_size
    images = list(noise(number, 3, height, width))
    if device.type == 'cuda':
        images = [image.pin_memory() for image in images]
    samples = []
    for _ in range(number):
        sample = PoseDataSample()
        shape = (joints, *plane.heatmap_size[::-1])
        sample.gt_fields = PixelData(heatmaps=torch.rand(shape))
        weights = torch.ones(1, joints)
        sample.gt_instance_labels = InstanceData(keypoint_weights=weights)
        samples.append(sample.to(device))
    return dict(inputs=images, data_samples=samples)


def noise(*shape: int) -> Tensor:
    """Random uint8."""
    return torch.randint(256, shape, dtype=torch.uint8)


def on(model: nn.Module, device: torch.device) -> Any:
    """A network in training on the device, laid out as `ChannelsLastHook` does it."""
    return model.to(device).to(memory_format=torch.channels_last).train()


def watch_optimiser(watch: Stopwatch, optim: OptimWrapper) -> None:
    """Time the backward pass and the step that follows."""
    watch.watch(optim, 'backward', 'backward')
    for method in ('step', 'zero_grad'):
        watch.watch(optim, method, 'optimiser')


def in_turns(
    sides: dict[str, Any], rounds: int, device: torch.device
) -> dict[str, float]:
    """Median seconds of a step of each side."""
    clock = Stopwatch(device)
    times: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name, side in sides.items():
            start = clock.now()
            side.step()
            times[name].append(clock.now() - start)
    return {name: statistics.median(values) for name, values in times.items()}


def parts_of(
    watch: Stopwatch, step: Callable[[], Any], rounds: int
) -> dict[str, float]:
    """Median seconds of each part of a step; ``rest`` is what no part is."""
    found = []
    for _ in range(rounds):
        watch.seconds.clear()
        watch.running = True
        start = watch.now()
        step()
        whole = watch.now() - start
        watch.running = False
        parts = {name: watch.seconds[name] for name in PARTS}
        found.append({**parts, 'rest': whole - sum(parts.values())})
    return {name: statistics.median(row[name] for row in found) for name in found[0]}


def main(argv: Sequence[str] | None = None) -> None:
    """Measure and print."""
    args = parse_args(argv)
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    cfg = Config.fromfile(args.config)
    cfg.merge_from_dict(args.cfg_options)
    init_default_scope(cfg.get('default_scope', 'mmpose'))
    device = torch.device(args.device)
    students = Students(cfg, args)
    students.step()
    supervised = Supervised(cfg, students, args)
    supervised.step()
    passed = dict(students.watch.images)
    if supervised.watch.images != students.watch.images:
        raise SystemExit(f'other images pass: {passed}, {supervised.watch.images}')
    seconds = in_turns(
        {'students': students, 'supervised': supervised}, args.rounds, device
    )
    of_step, of_record = students.waits()
    result = {
        'settings': {key: str(value) for key, value in vars(args).items()},
        'seconds_a_step': seconds,
        'ratio': seconds['students'] / seconds['supervised'],
        'pairs_per_second': args.pairs / seconds['students'],
        'images_passed_a_step': passed,
        'images_passed_per_second': sum(passed.values()) / seconds['students'],
        'parts': {
            'students': parts_of(students.watch, students.step, args.rounds),
            'supervised': parts_of(supervised.watch, supervised.step, args.rounds),
        },
        'waits_of_the_step': of_step,
        'waits_of_the_record': of_record,
        'load': os.getloadavg()[0],
        'machine': machine(),
    }
    print_result(result, args)
    if args.out:
        write_json(args.out, result)


def print_result(result: dict[str, Any], args: argparse.Namespace) -> None:
    """The table."""
    print(
        f'{Path(args.config).stem}, {args.pairs} pairs, {args.device}, {args.threads} '
        f'thread(s), load {result["load"]:.1f}: milliseconds a step\n'
    )
    print(f'{"":28}{"students":>12}{"supervised":>12}')
    parts, whole = result['parts'], result['seconds_a_step']
    for name in (*PARTS, 'rest'):
        row = (1e3 * parts[side][name] for side in whole)
        print(f'{name:28}' + ''.join(f'{value:12.1f}' for value in row))
    print(f'{"whole step":28}' + ''.join(f'{1e3 * v:12.1f}' for v in whole.values()))
    print(
        f'\nratio {result["ratio"]:.2f}, {result["pairs_per_second"]:.1f} pairs/s, '
        f'{result["images_passed_per_second"]:.1f} images passed/s\n'
        f'waits for the device: {len(result["waits_of_the_step"])} in the step, '
        f"{len(result['waits_of_the_record'])} in MMEngine's record of it"
    )


if __name__ == '__main__':
    main()
