"""The 27 actions of MM-Fi (Yang et al., NeurIPS 2023, Datasets and Benchmarks)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from mmpose_ext.simulation.body import Body
from mmpose_ext.simulation.kinematics import JointState
from mmpose_ext.simulation.motions import mmfi_arms, mmfi_legs, mmfi_trunk
from mmpose_ext.simulation.motions.jumping import jump
from mmpose_ext.simulation.motions.mirroring import mirrored
from mmpose_ext.simulation.motions.target_solver import solve
from mmpose_ext.simulation.motions.targets import Targets

_Act = Callable[[Body, np.ndarray, np.random.Generator], Targets]

_ACTS: dict[str, tuple[_Act, bool]] = {
    'A01': (mmfi_arms.stretch, False),
    'A02': (mmfi_arms.expand_chest, False),
    'A03': (mmfi_arms.swing_arms, False),
    'A04': (mmfi_trunk.twist, True),
    'A05': (mmfi_trunk.twist, False),
    'A06': (mmfi_legs.mark_time, False),
    'A07': (mmfi_legs.extend_limbs, True),
    'A08': (mmfi_legs.extend_limbs, False),
    'A09': (mmfi_legs.lunge_ahead, True),
    'A10': (mmfi_legs.lunge_ahead, False),
    'A11': (mmfi_legs.extend_both, False),
    'A12': (mmfi_legs.squat_down, False),
    'A13': (mmfi_arms.raise_hand, True),
    'A14': (mmfi_arms.raise_hand, False),
    'A15': (mmfi_legs.lunge_aside, True),
    'A16': (mmfi_legs.lunge_aside, False),
    'A17': (mmfi_arms.wave_hand, True),
    'A18': (mmfi_arms.wave_hand, False),
    'A19': (mmfi_trunk.pick_up, False),
    'A20': (mmfi_arms.throw, False),
    'A21': (mmfi_arms.throw, True),
    'A22': (mmfi_legs.kick_aside, True),
    'A23': (mmfi_legs.kick_aside, False),
    'A24': (mmfi_trunk.extend_body, False),
    'A25': (mmfi_trunk.extend_body, True),
    'A26': (jump, False),
    'A27': (mmfi_trunk.bow, False),
}

MMFI_ACTIONS: tuple[str, ...] = tuple(_ACTS)
"""Codes of the actions, ``'A01'`` to ``'A27'``."""


def animate_mmfi(
    action: str,
    body: Body,
    *,
    num_frames: int,
    fps: float,
    generator: np.random.Generator,
) -> JointState:
    """Let a person do one of MM-Fi's actions, again and again.

    The person stands at the origin of the floor and looks along +x, where the sensors
    are. An action toward the left is the mirror image of the one toward the right. Pace
    and size are drawn, so no two people do an action alike; like other motions these
    are functions of continuous time.

    Args:
        action: One of :data:`MMFI_ACTIONS`.
        body: The person.
        num_frames: Number of frames F.
        fps: Frames per second.
        generator: Source of randomness.

    Returns:
        Joint angles and root ``(F, ...)``.

    Raises:
        ValueError: If the action is unknown, or a number is not positive.
    """
    if action not in _ACTS:
        raise ValueError(f'action {action!r} is unknown; choose from {MMFI_ACTIONS}')
    if num_frames < 1 or not fps > 0:
        raise ValueError(f'num_frames={num_frames} and fps={fps} must both be positive')
    act, flip = _ACTS[action]
    targets = act(body, np.arange(num_frames) / fps, generator)
    return solve(body, mirrored(targets) if flip else targets)
