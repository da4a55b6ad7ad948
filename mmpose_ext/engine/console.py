"""What a run prints on the console.

MMEngine writes the same stream to the console and to the log file, several hundred
lines before the first step. Here the console keeps what a person follows a run by
(progress with the remaining time, results, warnings, where things lie); the log file
keeps everything. ``--cfg-options log_level=DEBUG`` brings the full stream back.
"""

from __future__ import annotations

import logging
import re
from pathlib import Path

CONSOLE = {'console': True}
"""``logger.info(text, extra=CONSOLE)`` shows a record that the filter would drop."""

_PACKAGE = Path(__file__).resolve().parents[1]

_PROGRESS = re.compile(
    r'^(?:Epoch|Iter)\((?P<mode>train|val|test)\)\s*(?:\[\s*(?P<epoch>\d+)\])?'
    r'\[\s*(?P<step>\d+)/(?P<steps>\d+)\]\s*(?P<values>.*)$',
    re.DOTALL,
)
_VALUE = re.compile(r'([^\s:][^:]*?): (\d+ days?, \S+|\S+)(?:\s+|$)')

_BEST = re.compile(
    r'^The best checkpoint with (?P<value>\S+) (?P<metric>.+) at (?P<time>\S+) '
    r'(?P<unit>epoch|iter) is saved to (?P<file>\S+?)\.?$'
)

_SHOWN = (
    'Auto resumed from the latest checkpoint',
    'resumed epoch:',
    'The best checkpoint with',
)

_NOISE = (
    # MMEngine looks a few of its own parts up in the scope of MMPose first.
    re.compile(r'^Failed to search registry with scope "mmpose" in the '),
    re.compile(r'^Failed to import `?mmpose\.'),
    # A checkpoint that MMEngine itself wrote (stock tools only; ours load safely).
    re.compile(r'^Could not safely load weights: '),
    # Printed by `LocalVisBackend` and `CheckpointHook` about their own defaults.
    re.compile(r'^["`]HardDiskBackend["`] is the alias of '),
    # Added by `--dump`; it returns no metrics that could need a prefix.
    re.compile(r'^The prefix is not set in metric class DumpResults'),
    re.compile(r'^"FileClient" will be deprecated in future'),
)

_MAX_METRICS = 6


class ConsoleFilter(logging.Filter):
    """Lets through what a person at the console wants to see.

    These pass: errors, warnings except a few that are known to mean nothing, progress
    lines of ``LoggerHook``, what this package logs, records marked with ``CONSOLE``,
    and a handful of MMEngine's lines about checkpoints.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record belongs on the console."""
        message = record.getMessage()
        if record.levelno >= logging.ERROR:
            return True
        if record.levelno >= logging.WARNING:
            return not any(noise.match(message) for noise in _NOISE)
        progress = _PROGRESS.match(message)
        if progress is not None:
            return not _is_last_evaluation_step(progress)
        return (
            getattr(record, 'console', False)
            or message.startswith(_SHOWN)
            or _PACKAGE in Path(record.pathname).parents
        )


class ConsoleFormatter(logging.Formatter):
    """Time of day and a shortened message.

    Args:
        max_epochs: Epochs of the whole run, shown beside the current one if known.
    """

    def __init__(self, max_epochs: int | None = None) -> None:
        super().__init__(datefmt='%H:%M:%S')
        self.max_epochs = max_epochs

    def format(self, record: logging.LogRecord) -> str:
        """The line (or lines, for a table) to print."""
        message = shorten(record.getMessage(), max_epochs=self.max_epochs)
        if record.exc_info:
            message = f'{message}\n{self.formatException(record.exc_info)}'
        if record.levelno >= logging.ERROR:
            message = f'ERROR ({record.filename}:{record.lineno}): {message}'
        elif record.levelno >= logging.WARNING:
            message = f'WARNING: {message}'
        elif '\n' in message:
            return message
        return f'{self.formatTime(record, self.datefmt)}  {message}'


def shorten(message: str, *, max_epochs: int | None = None) -> str:
    """The short form of a progress line of ``LoggerHook``; other text unchanged.

    Args:
        message: One log message.
        max_epochs: Epochs of the whole run.

    Returns:
        For example ``'train  epoch 3/60  100/312  eta 0:03:12  loss 0.0412  lr
        5.0e-04'``.
    """
    best = _BEST.match(message)
    if best is not None:
        value = _short_number(best['value'])
        return f'best so far: {best["metric"]} {value}, saved as {best["file"]}'
    progress = _PROGRESS.match(message)
    if progress is None:
        return message
    mode, epoch = progress['mode'], progress['epoch']
    values = dict(_VALUE.findall(progress['values']))
    parts = [f'{mode:5}']
    if epoch is not None:
        total = f'/{max_epochs}' if max_epochs else ''
        parts.append(f'epoch {int(epoch)}{total}')
    finished = mode != 'train' and 'eta' not in values
    if finished:
        return '  '.join([*parts, *_short_metrics(values)])
    width = len(progress['steps'])
    parts.append(f'{int(progress["step"]):{width}}/{progress["steps"]}')
    if 'eta' in values:
        parts.append(f'eta {values["eta"]}')
    parts.extend(
        f'{key} {_short_number(value)}'
        for key, value in values.items()
        if 'loss' in key
    )
    if 'lr' in values:
        parts.append(f'lr {float(values["lr"]):.1e}')
    if values.get('memory', '0') != '0':
        parts.append(f'memory {values["memory"]} MB')
    return '  '.join(parts)


def show_what_matters(logger: logging.Logger, max_epochs: int | None = None) -> None:
    """Put filter and formatter on the console handlers of a logger.

    Calling it again only updates the number of epochs. A logger at ``DEBUG`` is left
    as it is: who asks for that wants to see everything.

    Args:
        logger: The runner's logger.
        max_epochs: Epochs of the whole run.
    """
    for handler in logger.handlers:
        console = isinstance(handler, logging.StreamHandler) and not isinstance(
            handler, logging.FileHandler
        )
        if not console or handler.level <= logging.DEBUG:
            continue
        if not any(isinstance(known, ConsoleFilter) for known in handler.filters):
            handler.addFilter(ConsoleFilter())
        handler.setFormatter(ConsoleFormatter(max_epochs))


def _is_last_evaluation_step(progress: re.Match) -> bool:
    """The line of the last batch, which the results follow at once."""
    return (
        progress['mode'] != 'train'
        and progress['step'] == progress['steps']
        and 'eta: ' in progress['values']
    )


def _short_metrics(values: dict[str, str]) -> list[str]:
    """The first few metrics; one value an action is what the table is for."""
    names = [
        name
        for name in values
        if name not in ('time', 'data_time') and not name.startswith('lr')
    ]
    overall = [name for name in names if '/' not in name] or names
    return [f'{name} {_short_number(values[name])}' for name in overall[:_MAX_METRICS]]


def _short_number(text: str) -> str:
    try:
        return f'{float(text):.4g}'
    except ValueError:
        return text
