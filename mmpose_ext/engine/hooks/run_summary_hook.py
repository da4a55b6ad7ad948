"""Say at the start what runs, and at the end where the results lie."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from mmengine.dist import get_world_size, master_only
from mmengine.hooks import Hook
from mmengine.optim import BaseOptimWrapper, OptimWrapperDict
from mmengine.runner import BaseLoop
from mmpose.registry import HOOKS

from mmpose_ext.engine.checkpoints import allow_training_checkpoints
from mmpose_ext.engine.console import CONSOLE, show_what_matters
from mmpose_ext.engine.side_trip import bare_model

PICTURES = 'pictures'
"""Entry of the message hub where hooks list the pictures of this run."""


@HOOKS.register_module()
class RunSummaryHook(Hook):
    """Print a summary of the run before and after it.

    Before: config, work dir, model and its parameters, device, precision, seed,
    schedule, and what each dataset says in its ``summary()``. After: checkpoints,
    log, metrics and pictures.

    The hook also gives runs that were started with MMPose's own tools the readable
    console, from here on, and lets torch read MMEngine's checkpoints safely.

    Args:
        quiet_console: Keep MMEngine's long records in the log file only.
    """

    # The last to speak at the end, after the hooks that draw.
    priority = 'LOWEST'

    def __init__(self, quiet_console: bool = True) -> None:
        self.quiet_console = quiet_console

    def before_run(self, runner: Any) -> None:
        """Print what is about to run."""
        allow_training_checkpoints()
        if self.quiet_console:
            training = isinstance(runner._train_loop, BaseLoop)
            by_epoch = training and runner.log_processor.by_epoch
            show_what_matters(
                runner.logger, max_epochs=runner.max_epochs if by_epoch else None
            )
        self._print(runner, start_summary(runner))

    def after_run(self, runner: Any) -> None:
        """Print where the results lie."""
        self._print(runner, end_summary(runner))

    @staticmethod
    @master_only
    def _print(runner: Any, rows: list[tuple[str, str]]) -> None:
        runner.logger.info(as_table(rows), extra=CONSOLE)


def start_summary(runner: Any) -> list[tuple[str, str]]:
    """What is about to run, as rows of name and text."""
    cfg = runner.cfg
    rows = [
        ('config', str(cfg.filename or '(in memory)')),
        ('work dir', _short(runner.work_dir)),
        ('log', _short(runner.logger.log_file)),
        ('model', _describe_model(runner.model)),
        ('device', _describe_device(runner)),
    ]
    if isinstance(runner._train_loop, BaseLoop):
        rows.append(('schedule', _describe_schedule(runner)))
    rows.append(('seed', str(runner.seed)))
    for phase in ('train', 'val', 'test'):
        loop = getattr(runner, f'_{phase}_loop')
        if isinstance(loop, BaseLoop):
            rows.extend((phase, text) for text in _describe_data(loop.dataloader))
    return rows


def end_summary(runner: Any) -> list[tuple[str, str]]:
    """Where the results of a finished run lie, as rows of name and text."""
    info = runner.message_hub.runtime_info
    rows: list[tuple[str, str]] = []
    checkpoints: list[tuple[str, str]] = []
    if isinstance(runner._train_loop, BaseLoop):
        for key in sorted(info):
            if key.startswith('best_ckpt') and info[key]:
                score = info.get(key.replace('best_ckpt', 'best_score'))
                note = f' (best validation: {score:.4g})' if score is not None else ''
                checkpoints.append((_short(info[key]), note))
        if info.get('last_ckpt'):
            checkpoints.append((_short(info['last_ckpt']), ' (last)'))
    rows.extend(('checkpoint', path + note) for path, note in checkpoints)
    rows.append(('log', _short(runner.logger.log_file)))
    rows.extend(('metrics', _short(path)) for path in _metric_files(runner))
    rows.extend(('picture', _short(path)) for path in info.get(PICTURES, ()))
    if checkpoints and runner.cfg.filename:
        command = f'python tools/test.py {runner.cfg.filename} {checkpoints[0][0]}'
        rows.append(('evaluate', command))
    return rows


def as_table(rows: list[tuple[str, str]]) -> str:
    """Lines with aligned names; a repeated name is left out, long texts indented."""
    width = max(len(name) for name, _ in rows) + 2
    lines = []
    previous = None
    for name, text in rows:
        label = '' if name == previous else name
        first, *others = text.splitlines() or ['']
        lines.append(f'{label:{width}}{first}')
        lines.extend(f'{"":{width}}{line}' for line in others)
        previous = name
    return '\n'.join(['', *lines, ''])


def register_picture(runner: Any, path: str | os.PathLike) -> None:
    """Note a picture of this run for the summary at its end."""
    hub = runner.message_hub
    pictures = [*hub.runtime_info.get(PICTURES, ())]
    if str(path) not in pictures:
        pictures.append(str(path))
    # Not resumed: a later run draws its own.
    hub.update_info(PICTURES, pictures, resumed=False)


def _describe_model(model: Any) -> str:
    model = bare_model(model)
    everything = sum(p.numel() for p in model.parameters())
    trained = sum(p.numel() for p in model.parameters() if p.requires_grad)
    text = f'{type(model).__name__}, {_count(everything)} parameters'
    return text if trained == everything else f'{text} ({_count(trained)} trained)'


def _count(number: int) -> str:
    return f'{number / 1e6:.2f} M' if number >= 1e5 else f'{number:,}'


def _describe_device(runner: Any) -> str:
    device = next((p.device for p in runner.model.parameters()), torch.device('cpu'))
    text = str(device)
    if device.type == 'cuda':
        text += f' ({torch.cuda.get_device_name(device)})'
    if get_world_size() > 1:
        text += f', {get_world_size()} processes'
    if isinstance(runner.optim_wrapper, BaseOptimWrapper):
        wrapper = runner.optim_wrapper
        if isinstance(wrapper, OptimWrapperDict):  # all parts alike
            wrapper = next(iter(wrapper.values()))
        amp = type(wrapper).__name__ in ('AmpOptimWrapper', 'Bf16OptimWrapper')
        text += ', mixed precision' if amp else ', full precision'
    return text


def _describe_schedule(runner: Any) -> str:
    loader = runner.train_dataloader
    if runner.log_processor.by_epoch:
        text = f'{runner.max_epochs} epochs of {len(loader)} steps'
    else:
        text = f'{runner.max_iters} steps'
    batch = getattr(loader, 'batch_size', None)
    if batch:
        text += f', batch {batch}'
        if get_world_size() > 1:
            text += f' x {get_world_size()}'
    return text


def _describe_data(loader: Any) -> Iterator[str]:
    for dataset in _datasets(getattr(loader, 'dataset', None)):
        if hasattr(dataset, 'summary'):
            yield dataset.summary()
        else:
            yield f'{type(dataset).__name__}, {len(dataset)} samples'


def _datasets(dataset: Any) -> Iterator[Any]:
    """The datasets inside wrappers (concatenation, repetition)."""
    if dataset is None:
        return
    if not hasattr(dataset, 'summary'):
        inner = getattr(dataset, 'datasets', None) or getattr(dataset, 'dataset', None)
        if inner is not None:
            for part in inner if isinstance(inner, list | tuple) else [inner]:
                yield from _datasets(part)
            return
    yield dataset


def _metric_files(runner: Any) -> Iterator[Path]:
    """The JSON of the visualizer's local backend, and that of the tested metrics."""
    folder = Path(runner.log_dir)
    for path in (folder / 'vis_data' / 'scalars.json', folder / f'{folder.name}.json'):
        if path.is_file():
            yield path


def _short(path: str | os.PathLike | None) -> str:
    """A path relative to the current folder where that is shorter."""
    if path is None:
        return 'none'
    return min(str(path), os.path.relpath(path), key=len)
