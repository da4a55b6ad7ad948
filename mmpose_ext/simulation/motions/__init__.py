"""Procedural motion of an articulated person.

Each motion says where the pelvis and the feet are and which angles the upper body
takes, as smooth functions of time; :mod:`.target_solver` turns that into joint angles:
the pelvis comes down as far as the legs need, the legs follow by inverse kinematics,
and every angle is clamped to its joint's limits. Feet on the floor therefore stay where
they are, and the floor is never crossed.

Motions are functions of continuous time: the same generator state gives the same motion
whatever the frame rate. They happen around the origin of the floor, within about two
metres of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from mmpose_ext.simulation.body import Body
from mmpose_ext.simulation.kinematics import JointState, forward_kinematics
from mmpose_ext.simulation.motions.arms import gesture, reach, wave
from mmpose_ext.simulation.motions.crouching import bend, sit, squat
from mmpose_ext.simulation.motions.gait import run, walk
from mmpose_ext.simulation.motions.jumping import jump
from mmpose_ext.simulation.motions.kicking import kick
from mmpose_ext.simulation.motions.roaming import roam
from mmpose_ext.simulation.motions.target_solver import solve
from mmpose_ext.simulation.motions.targets import Targets, placed
from mmpose_ext.simulation.motions.turning import turn

__all__ = ['MOTIONS', 'animate', 'motion']


class MotionEntry(NamedTuple):
    """One motion and how far from the origin it may take place.

    Args:
        act: From a body, times ``(F,)`` in seconds and a generator to the targets.
        room: Greatest shift along x and y, metres.
    """

    act: Callable[[Body, np.ndarray, np.random.Generator], Targets]
    room: float


_MOTIONS: dict[str, MotionEntry] = {
    'walk': MotionEntry(walk, room=0.2),
    'run': MotionEntry(run, room=0.1),
    'turn': MotionEntry(turn, room=0.8),
    'squat': MotionEntry(squat, room=0.8),
    'sit': MotionEntry(sit, room=0.8),
    'bend': MotionEntry(bend, room=0.8),
    'reach': MotionEntry(reach, room=0.8),
    'gesture': MotionEntry(gesture, room=0.8),
    'wave': MotionEntry(wave, room=0.8),
    'kick': MotionEntry(kick, room=0.8),
    'jump': MotionEntry(jump, room=0.8),
    'random': MotionEntry(roam, room=0.8),
}

MOTIONS: tuple[str, ...] = tuple(_MOTIONS)
"""Names of the motions."""


def motion(
    name: str,
    body: Body,
    *,
    num_frames: int,
    fps: float,
    generator: np.random.Generator,
) -> np.ndarray:
    """Let a person move and return the joints.

    Args:
        name: One of :data:`MOTIONS`.
        body: The person.
        num_frames: Number of frames F.
        fps: Frames per second.
        generator: Source of randomness.

    Returns:
        Poses ``(F, 17, 3)`` in Human3.6M-17 order, world frame (z up, the floor at 0),
        metres, float32.

    Raises:
        ValueError: If the name is unknown, or a number is not positive.
    """
    state = animate(name, body, num_frames=num_frames, fps=fps, generator=generator)
    return forward_kinematics(body, state).pose.astype(np.float32)


def animate(
    name: str,
    body: Body,
    *,
    num_frames: int,
    fps: float,
    generator: np.random.Generator,
) -> JointState:
    """Let a person move and return the joint angles, within their limits.

    Arguments and errors are those of :func:`motion`; rotations and capsules of the
    segments follow through :mod:`mmpose_ext.simulation.kinematics`.
    """
    if name not in _MOTIONS:
        raise ValueError(f'motion {name!r} is unknown; choose from {list(MOTIONS)}')
    if num_frames < 1 or not fps > 0:
        raise ValueError(f'num_frames={num_frames} and fps={fps} must both be positive')
    entry = _MOTIONS[name]
    targets = entry.act(body, np.arange(num_frames) / fps, generator)
    return solve(body, placed(targets, entry.room, generator))
