"""Resident memory of this process, as Linux tells it in /proc."""

from __future__ import annotations

from pathlib import Path

CLEAR_REFS = Path('/proc/self/clear_refs')
"""Where the peak begins anew; without it there is only that of the whole process."""


def resident_bytes(field: str) -> int:
    """A field of /proc/self/status: VmRSS, or VmHWM, its maximum.

    Raises:
        LookupError: If there is no such field.
    """
    for line in Path('/proc/self/status').read_text().splitlines():
        if line.startswith(f'{field}:'):
            return 1024 * int(line.split()[1])
    raise LookupError(f'/proc/self/status has no {field}')


def reset_peak() -> None:
    """Let the maximum begin anew at what is resident now."""
    CLEAR_REFS.write_text('5')
