"""The protocols and splits of MM-Fi (Yang et al., NeurIPS 2023).

A split says which people do which actions in training and which in validation, with
the order of both that the toolbox of the data set gives. All are pure functions; the
random one draws as the toolbox does, from a generator of its own instead of NumPy's.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from mmpose_ext.datasets.mmfi_layout import (
    ACTIONS,
    ENVIRONMENTS,
    PROTOCOLS,
    SUBJECTS,
    environment_of,
    sequence_name,
)

SPLITS = ('random', 'cross_subject', 'cross_environment', 'manual')
SUBSETS = ('train', 'val')
VAL_SUBJECTS = SUBJECTS[4::5]
"""Held-out people of the split across subjects: S05, S10, ..., S40."""
VAL_ENVIRONMENT = ENVIRONMENTS[-1]
"""Held-out room of the split across environments."""

Part = dict[str, tuple[str, ...]]
"""For each person, in order, the actions in order."""


def split_mmfi(
    split: str,
    actions: Sequence[str],
    *,
    ratio: float = 0.8,
    seed: int = 0,
    manual: Mapping[str, Any] | None = None,
) -> dict[str, Part]:
    """Split people and actions by name.

    Args:
        split: One of :data:`SPLITS`.
        actions: Those of the protocol, in its order.
        ratio: Share of the people that train, of the random split.
        seed: Of the random split.
        manual: For ``'train'`` and ``'val'`` a dict of ``subjects`` and ``actions``,
            of the manual split; what it leaves out means all people, and ``actions``.
            An empty list means nobody, or nothing.

    Returns:
        The parts ``'train'`` and ``'val'``.

    Raises:
        ValueError: If the split is unknown or an option does not fit.
    """
    if split not in SPLITS:
        raise ValueError(f'unknown split {split!r}; expected one of {list(SPLITS)}')
    if (manual is not None) != (split == 'manual'):
        raise ValueError(
            f"manual={manual!r} with split={split!r}; split='manual' takes "
            "manual=dict(train=dict(subjects=['S01', ...], actions=['A01', ...]), "
            'val=...), the other splits take none'
        )
    if split == 'random':
        return random_split(actions, ratio=ratio, seed=seed)
    if split == 'cross_subject':
        return cross_subject_split(actions)
    if split == 'cross_environment':
        return cross_environment_split(actions)
    assert manual is not None
    return manual_split(manual, actions)


def actions_of(protocol: int) -> tuple[str, ...]:
    """Actions of a protocol, in its order.

    Raises:
        ValueError: If there is no such protocol.
    """
    if protocol not in PROTOCOLS:
        raise ValueError(
            f'unknown protocol {protocol!r}; expected 1 (daily life, 14 actions), '
            '2 (rehabilitation, 13 actions) or 3 (all 27)'
        )
    return PROTOCOLS[protocol]


def random_split(
    actions: Sequence[str], *, ratio: float = 0.8, seed: int = 0
) -> dict[str, Part]:
    """Split the people anew for each action.

    The draw of an action depends on its place in the list, so the same action is split
    otherwise in another protocol.

    Args:
        actions: In order.
        ratio: Share of the 40 people that train; the toolbox has 0.8, papers 3 : 1.
        seed: That of the first action; each further one adds 1.

    Returns:
        The parts; people in the order in which they first come up, action by action.

    Raises:
        ValueError: If the ratio leaves a part without people or the seed is negative.
    """
    num_train = math.floor(ratio * len(SUBJECTS)) if math.isfinite(ratio) else 0
    if not 0 < num_train < len(SUBJECTS):
        raise ValueError(
            f'ratio={ratio}; expected a share that leaves some of the '
            f'{len(SUBJECTS)} people for training and some for validation, such as 0.8'
        )
    if seed < 0:
        raise ValueError(f'split_seed={seed}; expected a number from 0 on')
    parts: dict[str, dict[str, list[str]]] = {subset: {} for subset in SUBSETS}
    for position, action in enumerate(actions):
        # The legacy generator, because published splits were drawn from it.
        drawn = np.random.RandomState(seed + position).permutation(len(SUBJECTS))
        chosen = set(drawn[:num_train].tolist())
        for number, subject in enumerate(SUBJECTS):
            part = parts['train' if number in chosen else 'val']
            part.setdefault(subject, []).append(action)
    return {
        subset: {subject: tuple(done) for subject, done in part.items()}
        for subset, part in parts.items()
    }


def cross_subject_split(actions: Sequence[str]) -> dict[str, Part]:
    """Hold out every fifth person, two of each room."""
    train = [subject for subject in SUBJECTS if subject not in VAL_SUBJECTS]
    return {'train': _all_do(train, actions), 'val': _all_do(VAL_SUBJECTS, actions)}


def cross_environment_split(actions: Sequence[str]) -> dict[str, Part]:
    """Hold out the last room."""
    held_out = [s for s in SUBJECTS if environment_of(s) == VAL_ENVIRONMENT]
    train = [s for s in SUBJECTS if s not in held_out]
    return {'train': _all_do(train, actions), 'val': _all_do(held_out, actions)}


def manual_split(
    parts: Mapping[str, Any], actions: Sequence[str] = tuple(ACTIONS)
) -> dict[str, Part]:
    """Split as listed.

    Args:
        parts: For ``'train'`` and ``'val'`` a dict of ``subjects`` and ``actions``.
        actions: Taken where a part leaves them out.

    Warns:
        UserWarning: If sequences are in both parts.

    Raises:
        ValueError: If a part, a person or an action is unknown.
    """
    _check_names('parts of a manual split', parts, SUBSETS)
    result = {}
    for subset in SUBSETS:
        lists = parts.get(subset) or {}
        _check_names(f'lists of manual[{subset!r}]', lists, ('subjects', 'actions'))
        subjects, done = (
            every if lists.get(key) is None else _as_list(lists[key])
            for key, every in (('subjects', SUBJECTS), ('actions', actions))
        )
        _check_names('subjects', subjects, SUBJECTS)
        _check_names('actions', done, tuple(ACTIONS))
        # A part that is not given at all holds nobody.
        result[subset] = _all_do(subjects, done) if lists else {}
    _warn_of_overlap(result)
    return result


def _warn_of_overlap(parts: Mapping[str, Part]) -> None:
    train, val = (
        {
            sequence_name(who, what)
            for who, done in parts[subset].items()
            for what in done
        }
        for subset in SUBSETS
    )
    both = sorted(train & val)
    if both:
        warnings.warn(
            f'the manual split trains on {len(both)} of the {len(val)} sequences that '
            f'it validates on, such as {both[0]}: give each part its own subjects or '
            'actions, unless you mean to see how well they are learnt by heart',
            stacklevel=4,
        )


def _as_list(names: str | Sequence[str]) -> Sequence[str]:
    """The command line makes a plain string of a list of one name."""
    return (names,) if isinstance(names, str) else names


def _all_do(subjects: Iterable[str], actions: Sequence[str]) -> Part:
    return {subject: tuple(actions) for subject in subjects}


def _check_names(what: str, names: Iterable[str], known: Sequence[str]) -> None:
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ValueError(f'unknown {what} {unknown}; expected some of {list(known)}')
