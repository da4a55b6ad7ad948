"""Tasks of continual learning on MM-Fi: groups of actions, one after the other.

The paper makes one task of the left and the right version of an action, pairs actions
without a side by likeness, and counts seven tasks for protocol 1 and six for protocol
2 (Peng et al., arXiv 2501.05264v1, section 4.1). Its lists stand in a supplement that
is not public. Those of protocol 1 and the four sided pairs of protocol 2 follow from
the text; how the five actions without a side of protocol 2 make two tasks, and the
order of all tasks, are ours.
"""

from __future__ import annotations

from collections.abc import Sequence

from mmpose_ext.datasets.mmfi_layout import PROTOCOLS

TASKS: dict[int, tuple[tuple[str, ...], ...]] = {
    1: (
        ('A02', 'A03'),
        ('A04', 'A05'),
        ('A13', 'A14'),
        ('A17', 'A18'),
        ('A20', 'A21'),
        ('A22', 'A23'),
        ('A19', 'A27'),
    ),
    2: (
        ('A07', 'A08'),
        ('A09', 'A10'),
        ('A15', 'A16'),
        ('A24', 'A25'),
        ('A01', 'A11'),
        ('A06', 'A12', 'A26'),
    ),
}
"""Actions of the tasks of protocol 1 and 2."""


def read_tasks(
    tasks: Sequence[Sequence[str]] | None, protocol: int
) -> tuple[tuple[str, ...], ...]:
    """The tasks of a run.

    Args:
        tasks: Actions of each task; ``None`` for those of the protocol.
        protocol: 1, 2 or 3.

    Returns:
        Actions of each task.

    Raises:
        ValueError: If there are no default tasks, a task is empty, or an action occurs
            twice or not in the protocol.
    """
    if tasks is None:
        if protocol not in TASKS:
            raise ValueError(
                f'protocol {protocol} has no tasks of its own; give tasks=[[...], ...] '
                f'or use one of the protocols {sorted(TASKS)}'
            )
        return TASKS[protocol]
    empty = [number + 1 for number, actions in enumerate(tasks) if not actions]
    if empty or not tasks:
        raise ValueError(f'task {empty or 1} has no actions; each needs at least one')
    named = [action for actions in tasks for action in actions]
    twice = sorted({action for action in named if named.count(action) > 1})
    if twice:
        raise ValueError(f'the actions {twice} occur in more than one task')
    unknown = sorted(set(named) - set(PROTOCOLS[protocol]))
    if unknown:
        raise ValueError(
            f'the actions {unknown} are not in protocol {protocol}, which has '
            f'{list(PROTOCOLS[protocol])}'
        )
    return tuple(tuple(actions) for actions in tasks)
