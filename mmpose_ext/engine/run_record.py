"""What a finished run leaves for the tables: its figures and how they came about."""

from __future__ import annotations

import json
import os
import platform
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch


def training_seconds(work_dir: str | os.PathLike) -> float:
    """Time spent in training steps, from the scalars of all (resumed) parts of a run.

    Validation is not in it. A step that a resumed run repeated counts once.
    """
    mean_times: dict[int, float] = {}  # of the steps since the line before
    for file in sorted(Path(work_dir).glob('*/vis_data/*.json')):
        for line in file.read_text(encoding='utf-8').splitlines():
            row = json.loads(line)
            if isinstance(row, dict) and 'loss' in row and 'time' in row:
                mean_times[int(row['step'])] = float(row['time'])
    steps = sorted(mean_times)
    widths = [step - before for step, before in zip(steps, [0, *steps], strict=False)]
    return sum(
        mean_times[step] * width for step, width in zip(steps, widths, strict=True)
    )


def machine() -> dict[str, Any]:
    """The processor, the threads, the GPU and the versions that a figure came from."""
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    return {
        'processor': _processor(),
        'threads': torch.get_num_threads(),
        'gpu': gpu,
        'python': platform.python_version(),
        'torch': torch.__version__,
    }


def collect(
    metrics_file: str | os.PathLike,
    *,
    row: str,
    config: str,
    options: Mapping[str, Any],
    seed: int,
    command: Sequence[str],
    **facts: Any,
) -> dict[str, Any]:
    """One result file's content.

    Args:
        metrics_file: What the metric wrote (``outfile``).
        row: Name of the row of the table.
        config: Config file.
        options: Settings that the row overrides.
        seed: Seed of the run.
        command: The command that gave it.
        facts: Further entries, for example ``train_seconds``.
    """
    written = json.loads(Path(metrics_file).read_text(encoding='utf-8'))
    return {
        'row': row,
        'config': config,
        'options': dict(options),
        'seed': seed,
        'command': shlex.join(command),
        **facts,
        'machine': machine(),
        **written,
    }


def _processor() -> str:
    file = Path('/proc/cpuinfo')
    if file.is_file():
        for line in file.read_text(encoding='utf-8').splitlines():
            if line.startswith('model name'):
                return line.split(':', 1)[1].strip()
    return platform.processor() or platform.machine()
