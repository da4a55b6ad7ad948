"""Tables of metrics for people."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

METRIC_UNITS = {
    'MPJPE': 'mm',
    'P-MPJPE': 'mm',
    'N-MPJPE': 'mm',
    'MPJVE': 'mm/frame',
    'PCK@150': '%',
    'AUC': '%',
    'MPJPE_xy': 'mm',
    'MPJPE_depth': 'mm',
}
CAMERA_METRICS = ('camera/MPJPE', 'camera/P-MPJPE')
_UNITS = METRIC_UNITS | dict.fromkeys(('root/MPJPE', *CAMERA_METRICS), 'mm')


def format_table(
    metrics: Mapping[str, float],
    groups: Sequence[str] = ('action', 'subject'),
    *,
    weighting: str = 'frame',
) -> str:
    """Lay the results of :class:`PoseLiftingMetric` out for people.

    Args:
        metrics: Names and numbers, without a prefix.
        groups: Groups that get a table with a row a label; those without results are
            left out.
        weighting: How the headline numbers were averaged; names the last rows.

    Returns:
        Aligned lines: the tables of the groups, then the headline numbers.
    """
    blocks = [_group_table(metrics, group, weighting) for group in groups]
    rows = [[n, _cell(metrics[n]), unit] for n, unit in _UNITS.items() if n in metrics]
    blocks.append(align(['metric', 'value', 'unit'], rows))
    return '\n\n'.join(block for block in blocks if block)


def format_protocol(protocol: Mapping[str, Any]) -> str:
    """Facts in one line, for example ``annotation: univ_annot3; seq len: 81``."""
    return '; '.join(
        f'{key.replace("_", " ")}: {value}'
        for key, value in protocol.items()
        if value is not None
    )


def _group_table(metrics: Mapping[str, float], group: str, weighting: str) -> str:
    marker = f'/{group}/'
    keys = [key.partition(marker) for key in metrics if marker in key]
    columns = list(dict.fromkeys(name for name, _, _ in keys))
    if not columns:
        return ''
    rows = [
        [label, *(_cell(metrics.get(f'{name}{marker}{label}')) for name in columns)]
        for label in sorted({label for _, _, label in keys})
    ]
    last = 'all' if weighting == 'frame' else f'mean of {weighting}s'
    rows.append([last, *(_cell(metrics.get(name)) for name in columns)])
    heads = [group, *(f'{name} [{_UNITS[name]}]' for name in columns)]
    return align(heads, rows, rule_before_last=True)


def _cell(value: float | None) -> str:
    return '-' if value is None or math.isnan(value) else f'{value:.2f}'


def align(
    heads: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    rule_before_last: bool = False,
) -> str:
    """A table: the first column to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    rule = '  '.join('-' * width for width in widths)

    def line(cells: Sequence[str]) -> str:
        first = cells[0].ljust(widths[0])
        rest = (c.rjust(w) for c, w in zip(cells[1:], widths[1:], strict=True))
        return '  '.join([first, *rest]).rstrip()

    lines = [line(heads), rule, *map(line, rows)]
    if rule_before_last:
        lines.insert(-1, rule)
    return '\n'.join(lines)
