"""Procedural motion of an articulated person.

Each motion says where the pelvis and the feet are and which angles the upper body
takes, as smooth functions of time; :func:`solve` turns that into joint angles: the
pelvis comes down as far as the legs need, the legs follow by inverse kinematics, and
every angle is clamped to its joint's limits. Feet on the floor therefore stay where
they are, and the floor is never crossed.

Motions are functions of continuous time: the same generator state gives the same motion
whatever the frame rate. They happen around the origin of the floor, within about two
metres of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike
from scipy.interpolate import BPoly, CubicSpline

from .body import (
    DEGREE_INDEX,
    DEGREES,
    SIDE_SIGNS,
    SIDES,
    Body,
    JointState,
    clamp_to_limits,
    forward_kinematics,
    joint_rotation,
    leg_angles,
    limb_rotation_to_angles,
    segment_rotations,
)

GRAVITY = 9.81
"""Metres per second squared."""

_LEAD_S = 3.0
"""Time before the first and after the last frame for which a motion is laid out."""

_EASE = 0.06
"""Part of its length over which a swinging leg resists being stretched."""

_SOFT_MARGIN = np.radians(8.0)
"""How close to its limit an angle of the upper body slows down."""


@dataclass(frozen=True, eq=False)
class Targets:
    """What a motion asks of a body, in a world with z up, metres and radians.

    Args:
        pelvis: Place of the root ``(F, 3)``.
        tilt: Yaw, pitch (forward) and roll (to the right) of the pelvis ``(F, 3)``.
        ankles: Place of the right and left ankle ``(F, 2, 3)``.
        foot_yaw: Heading of the feet ``(F, 2)``.
        foot_pitch: How far the heel is up (negative: the toe) ``(F, 2)``.
        free: 0 for a foot that must be where it is asked to be, up to 1 for one that
            may be drawn nearer if the leg is too short ``(F, 2)``.
        angles: Angles ``(F,)`` of the upper body by name; others are zero.
    """

    pelvis: np.ndarray
    tilt: np.ndarray
    ankles: np.ndarray
    foot_yaw: np.ndarray
    foot_pitch: np.ndarray
    free: np.ndarray
    angles: dict[str, np.ndarray] = field(default_factory=dict)


@dataclass(frozen=True)
class Gait:
    """How somebody steps; phases are fractions of a stride, which begins at contact.

    Args:
        speed: Metres per second.
        stride: Length of two steps, metres.
        duty: Part of the stride in which a foot is on the floor.
        heel_off: Phase at which the heel leaves the floor.
        heel_rise: Greatest angle of the heel, radians.
        toe_raise: Angle of the toe at contact, radians.
        lift: Further height of the ankle in the swing, metres.
        half_width: Distance of a foot from the line of travel, metres.
        toe_out: Radians.
        dip: By how much the pelvis sinks over the standing leg, as a runner's does,
            amplitude in metres; 0 for a walker, whose pelvis rises there as far as
            the legs make it.
    """

    speed: float
    stride: float
    duty: float
    heel_off: float
    heel_rise: float
    toe_raise: float
    lift: float
    half_width: float
    toe_out: float
    dip: float = 0.0


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
    segments follow through :func:`~mmpose_ext.simulation.body.forward_kinematics`.
    """
    if name not in _MOTIONS:
        raise ValueError(f'motion {name!r} is unknown; choose from {list(MOTIONS)}')
    if num_frames < 1 or not fps > 0:
        raise ValueError(f'num_frames={num_frames} and fps={fps} must both be positive')
    act, room = _MOTIONS[name]
    targets = act(body, np.arange(num_frames) / fps, generator)
    return solve(body, _placed(targets, room, generator))


def solve(body: Body, targets: Targets) -> JointState:
    """Find the joint angles that meet the targets, as far as the limits allow.

    Args:
        body: The person.
        targets: What is asked.

    Returns:
        Postures ``(F,)``; every angle lies within its joint's limits.
    """
    angles = np.zeros((len(targets.pelvis), len(DEGREES)))
    angles[:, :3] = targets.tilt
    for name, value in targets.angles.items():
        angles[:, DEGREE_INDEX[name]] = value
    angles = clamp_to_limits(angles, margin=_SOFT_MARGIN)
    pelvis = targets.pelvis.copy()
    ceiling = reachable_height(body, targets, 0.996)
    pelvis[:, 2] = _soft_minimum(pelvis[:, 2], _soft_minimum(*ceiling.T))
    _bend_legs(body, targets, pelvis, angles)
    angles = clamp_to_limits(angles)
    _level_feet(body, targets, JointState(angles, pelvis))
    return JointState(clamp_to_limits(angles), pelvis)


def reachable_height(body: Body, targets: Targets, extension: float) -> np.ndarray:
    """Greatest height of the root ``(F, 2)`` at which each leg reaches its ankle.

    A free foot allows more.

    Args:
        body: The person.
        targets: Places of the pelvis (its height is not used) and the ankles.
        extension: Part of the leg's length that may be used.

    Returns:
        Heights for the right and the left leg, metres.
    """
    hips = _hip_offsets(body, targets.tilt)
    gap = targets.pelvis[:, None, :2] + hips[..., :2] - targets.ankles[..., :2]
    room = (extension * body.leg_length) ** 2 - (gap**2).sum(-1)
    rise = np.sqrt(np.maximum(room, (0.3 * body.leg_length) ** 2))
    slack = 0.3 * body.leg_length * targets.free
    return targets.ankles[..., 2] + rise - hips[..., 2] + slack


def band_limited_noise(
    t: np.ndarray, cutoff_hz: float, generator: np.random.Generator, count: int
) -> np.ndarray:
    """Smooth noise of unit variance: twelve sinusoids of random frequency and phase.

    Args:
        t: Times ``(F,)``, seconds.
        cutoff_hz: Greatest frequency.
        generator: Source of randomness.
        count: Number of independent signals N.

    Returns:
        ``(F, N)``; no value exceeds ``sqrt(24)``.
    """
    frequency = cutoff_hz * generator.uniform(0.05, 1, (12, count))
    phase = generator.uniform(0, 2 * np.pi, (12, count))
    waves = np.sin(2 * np.pi * frequency * t[:, None, None] + phase)
    return waves.sum(axis=1) / np.sqrt(6)


def keyframes(t: np.ndarray, knots: ArrayLike, values: ArrayLike) -> np.ndarray:
    """Go from value to value with least jerk, at rest in each.

    Args:
        t: Times ``(F,)``; before the first and after the last knot the value stays.
        knots: Increasing times ``(N,)``.
        values: Values ``(N, ...)``.

    Returns:
        ``(F, ...)``, twice differentiable in time.
    """
    knots, values = np.asarray(knots, float), np.asarray(values, float)
    index = np.clip(np.searchsorted(knots, t, side='right') - 1, 0, len(knots) - 2)
    part = np.clip((t - knots[index]) / np.diff(knots)[index], 0, 1)
    part = part**3 * (10 - 15 * part + 6 * part**2)
    part = part.reshape(-1, *(1,) * (values.ndim - 1))
    return values[index] + part * (values[index + 1] - values[index])


def stepping_feet(
    body: Body,
    gait: Gait,
    phase: np.ndarray,
    footprints: Callable[[int, np.ndarray], tuple[np.ndarray, np.ndarray]],
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Move the ankles from footprint to footprint.

    A foot lands on the heel, lies flat, rolls over the toe and swings to the next
    footprint; heel and toe do not slide. The swing has roughly the speed
    ``(1 - x^4)^2`` with x from -1 to 1, whose peak is 1.41 times its mean, as when
    people walk.

    Args:
        body: The person.
        gait: How it steps.
        phase: Strides since the start ``(F,)``; the right foot lands at whole numbers,
            the left one half a stride later.
        footprints: From a side (0: right) and the phases ``(N,)`` in the middle of
            its stances to the places ``(N, 2)`` under the ankles and the continuous
            headings ``(N,)``.

    Returns:
        Ankles ``(F, 2, 3)``; foot yaw, foot pitch and how free the feet are ``(F, 2)``.
    """
    sides = []
    for side in range(2):
        cycle = phase - 0.5 * side
        step = np.floor(cycle).astype(int)
        part = cycle - step
        steps = np.arange(step.min(), step.max() + 2)
        place, yaw = footprints(side, steps + gait.duty / 2 + 0.5 * side)
        index = step - steps[0]
        swing = np.clip((part - gait.duty) / (1 - gait.duty), 0, 1)
        moved = _swing_progress(swing**0.85)
        heading = yaw[index] + moved * (yaw[index + 1] - yaw[index])
        ground = place[index] + moved[:, None] * (place[index + 1] - place[index])
        heel, toe = _foot_roll(gait, part)
        forward, up = _roll_offset(body, heel, toe)
        up = up + gait.lift * _swing_bump(swing)
        direction = np.stack([np.cos(heading), np.sin(heading)], axis=-1)
        ground = ground + forward[:, None] * direction
        ankle = np.column_stack([ground, body.ankle_height + up])
        sides.append((ankle, heading, heel - toe, _freedom(swing)))
    ankles, yaw, pitch, free = (
        np.stack(pair, axis=1) for pair in zip(*sides, strict=True)
    )
    return ankles, yaw, pitch, free


def _walk(body: Body, t: np.ndarray, generator: np.random.Generator) -> Targets:
    scale = body.stature / 1.7
    speed = generator.uniform(0.75, 1.55) * np.sqrt(scale)
    # People keep the ratio of step length to step rate: Sekiya and Nagasaki (1998).
    ratio = 0.0065 * scale * generator.uniform(0.92, 1.08)
    steps_per_minute = np.sqrt(60 * speed / ratio)
    gait = Gait(
        speed=speed,
        stride=2 * ratio * steps_per_minute,
        duty=0.63 - 0.04 * (speed - 0.8),
        heel_off=0.36,
        heel_rise=np.radians(52 + 13 * speed * generator.uniform(0.9, 1.1)),
        toe_raise=np.radians(12 + 8 * speed),
        lift=generator.uniform(0.03, 0.06) * scale,
        half_width=generator.uniform(0.03, 0.07) * scale,
        toe_out=np.radians(generator.uniform(2, 12)),
    )
    swing = np.radians(5 + 10 * speed * generator.uniform(0.6, 1.3))
    elbow = np.radians(generator.uniform(14, 34))
    lean = np.radians(generator.uniform(0, 5) + 2 * speed)
    radii = generator.uniform(1.2, 1.7) * np.array([1, generator.uniform(0.75, 1)])
    return _travel(
        *(body, t, generator, gait, radii),
        arms=(swing, elbow, 0.6 * swing),
        lean=lean,
        extension=generator.uniform(0.988, 0.995),
    )


def _run(body: Body, t: np.ndarray, generator: np.random.Generator) -> Targets:
    scale = body.stature / 1.7
    speed = generator.uniform(1.9, 2.6) * np.sqrt(scale)
    steps_per_second = (2.45 + 0.13 * speed) * generator.uniform(0.95, 1.05)
    gait = Gait(
        speed=speed,
        stride=2 * speed / steps_per_second,
        duty=0.41 - 0.05 * (speed - 1.9),
        heel_off=0.18,
        heel_rise=np.radians(generator.uniform(60, 75)),
        toe_raise=np.radians(generator.uniform(0, 8)),
        lift=generator.uniform(0.08, 0.20) * scale,
        half_width=generator.uniform(0.02, 0.04) * scale,
        toe_out=np.radians(generator.uniform(0, 8)),
        dip=generator.uniform(0.8, 1) * GRAVITY / (2 * np.pi * steps_per_second) ** 2,
    )
    swing = np.radians(generator.uniform(22, 38))
    elbow = np.radians(generator.uniform(75, 105))
    radii = generator.uniform(1.35, 1.6) * np.array([1, generator.uniform(0.92, 1)])
    return _travel(
        *(body, t, generator, gait, radii),
        arms=(swing, elbow, 0.4 * swing),
        lean=np.radians(generator.uniform(6, 12)),
        extension=generator.uniform(0.97, 0.985),
    )


def _travel(
    body: Body,
    t: np.ndarray,
    generator: np.random.Generator,
    gait: Gait,
    radii: np.ndarray,
    *,
    arms: tuple[float, float, float],
    lean: float,
    extension: float,
) -> Targets:
    """Walk or run round an ellipse, leaning into it."""
    circuit = _Circuit(radii, generator)
    way = gait.speed * (t + generator.uniform(0, 10))
    ripple, offset = generator.uniform(1.5, 2.5), generator.uniform(0, 2 * np.pi)
    way = way + 0.06 * gait.speed / ripple * np.sin(ripple * t + offset)
    phase = way / gait.stride
    # The middle of the foot, not the ankle, lies under the hip in mid stance.
    behind = 0.45 * body.offset('left_toe')[0]
    lateral_shift = 0.8 * gait.speed**2 / GRAVITY * body.leg_length

    def footprints(side: int, phases: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        place, heading, curvature = circuit(phases * gait.stride - behind)
        shift = SIDE_SIGNS[side] * gait.half_width - lateral_shift * curvature
        toe_out = SIDE_SIGNS[side] * gait.toe_out
        return place + shift[:, None] * _left(heading), heading + toe_out

    ankles, foot_yaw, foot_pitch, free = stepping_feet(body, gait, phase, footprints)
    place, heading, curvature = circuit(way)
    wave, wave2 = np.cos(2 * np.pi * phase), np.sin(2 * np.pi * phase)
    place = place - (0.35 * gait.half_width * wave2)[:, None] * _left(heading)
    into_curve = np.arctan(0.8 * gait.speed**2 * curvature / GRAVITY)
    yaw, drop = np.radians(3 + 2 * gait.speed), np.radians(3)
    targets = Targets(
        pelvis=np.column_stack([place, np.zeros(len(t))]),
        tilt=np.column_stack(
            [heading + yaw * wave, 0.25 * lean + 0 * t, -into_curve - drop * wave2]
        ),
        ankles=ankles,
        foot_yaw=foot_yaw,
        foot_pitch=foot_pitch,
        free=free,
        angles=_upper_body(t, generator),
    )
    ceiling = reachable_height(body, targets, extension).min(axis=1)
    over_leg = np.cos(4 * np.pi * (phase - gait.duty / 2))
    rise = -gait.dip if gait.dip else 0.6 * _highest_ride(ceiling, over_leg)
    targets.pelvis[:, 2] = (ceiling - rise * over_leg).min() + rise * over_leg
    _swing_arms(targets, wave, yaw, drop * wave2, arms)
    targets.angles['lumbar_flexion'] += 0.75 * lean
    targets.angles['head_flexion'] -= 0.6 * lean
    return targets


def _highest_ride(ceiling: np.ndarray, wave: np.ndarray) -> float:
    """Amplitude of the wave that lets the pelvis ride highest under the ceiling."""
    amplitudes = np.linspace(0, 0.05, 26)
    heights = (ceiling - amplitudes[:, None] * wave).min(axis=1)
    return float(amplitudes[heights.argmax()])


def _swing_arms(
    targets: Targets,
    wave: np.ndarray,
    yaw: float,
    drop: np.ndarray,
    arms: tuple[float, float, float],
) -> None:
    """Arms against the legs, shoulders against the hips, head straight on."""
    swing, elbow, elbow_swing = arms
    angles = targets.angles
    for side, forward in zip(SIDES, (-wave, wave), strict=True):
        angles[f'{side}_shoulder_flexion'] += swing * (forward - 0.15)
        angles[f'{side}_shoulder_abduction'] += 0.10 * elbow
        angles[f'{side}_shoulder_rotation'] += 0.15 * elbow
        angles[f'{side}_elbow_flexion'] += elbow - 0.3 + elbow_swing * (1 + forward) / 2
    counter = yaw + 0.12 * swing
    angles['lumbar_twist'] -= 0.4 * (yaw + counter) * wave
    angles['chest_twist'] -= 0.6 * (yaw + counter) * wave
    angles['neck_twist'] += 0.5 * counter * wave
    angles['head_twist'] += 0.5 * counter * wave
    angles['lumbar_bend'] += drop


def _turn(body: Body, t: np.ndarray, generator: np.random.Generator) -> Targets:
    """Turn on the spot, now this way, now that, with rests."""
    return _moving_about(body, t, generator, turn=(0.7, 3.3), rest=(0.1, 0.8))


def _moving_about(
    body: Body,
    t: np.ndarray,
    generator: np.random.Generator,
    *,
    turn: tuple[float, float],
    rest: tuple[float, float],
) -> Targets:
    """Stand, turn and step a little aside in small steps, stand again."""
    schedule = _fork(generator)
    knots, strides, headings = [-_LEAD_S], [0.0], [0.0]
    places = [np.zeros(2)]
    while knots[-1] < t[-1] + _LEAD_S:
        angle = schedule.choice([-1, 1]) * schedule.uniform(*turn)
        count = max(1, round(abs(angle)))
        begin = knots[-1] + schedule.uniform(*rest)
        knots += [begin, begin + count * schedule.uniform(0.85, 1.2)]
        strides += [strides[-1], strides[-1] + count]
        headings += [headings[-1], headings[-1] + angle]
        places += [places[-1], schedule.uniform(-0.2, 0.2, 2)]
    gait = Gait(
        speed=0.0,
        stride=0.0,
        duty=0.62,
        heel_off=0.5,
        heel_rise=np.radians(35),
        toe_raise=0.0,
        lift=generator.uniform(0.03, 0.06),
        half_width=generator.uniform(0.05, 0.075) * body.stature,
        toe_out=np.radians(generator.uniform(3, 12)),
    )
    times = np.array(knots)
    index = np.clip(np.searchsorted(times, t, side='right') - 1, 0, len(knots) - 2)
    part = np.clip((t - times[index]) / np.diff(times)[index], 0, 1)
    phase = np.array(strides)[index] + _swing_progress(part) * np.diff(strides)[index]
    # The phase rests at whole strides, where both feet are on the floor.
    along, first = np.unique(strides, return_index=True)

    def place_of(phases: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        heading = np.interp(phases, along, np.array(headings)[first])
        columns = np.array(places)[first].T
        return np.stack([np.interp(phases, along, c) for c in columns], -1), heading

    def footprints(side: int, phases: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        place, heading = place_of(phases)
        place = place + SIDE_SIGNS[side] * gait.half_width * _left(heading)
        return place, heading + SIDE_SIGNS[side] * gait.toe_out

    targets = _standing(body, t, generator)
    ankles, foot_yaw, foot_pitch, free = stepping_feet(body, gait, phase, footprints)
    targets.ankles[:], targets.foot_yaw[:] = ankles, foot_yaw
    targets.foot_pitch[:], targets.free[:] = foot_pitch, free
    place, heading = place_of(phase)
    targets.tilt[:, 0] += heading
    shift = 0.4 * gait.half_width * np.sin(2 * np.pi * phase)
    targets.pelvis[:, :2] += place - shift[:, None] * _left(heading)
    targets.pelvis[:, 2] -= 0.01
    return targets


def _squat(body: Body, t: np.ndarray, generator: np.random.Generator) -> Targets:
    targets = _standing(body, t, generator)
    down = _repeated(t, generator, (1.8, 3.6), (0.45, 1.0), (0.08, 0.42, 0.52, 0.92))
    _crouch(body, targets, down)
    raised = generator.uniform(0.2, 1.5)
    for side in SIDES:
        targets.angles[f'{side}_shoulder_flexion'] += raised * down
        targets.angles[f'{side}_elbow_flexion'] += 0.3 * (1.5 - raised) * down
    return targets


def _crouch(body: Body, targets: Targets, down: np.ndarray) -> None:
    """Bend the knees; 1 brings the thighs to the horizontal."""
    targets.pelvis[:, 2] -= 0.46 * body.leg_length * down
    targets.pelvis[:, 0] -= 0.48 * body.thigh_length * down
    targets.tilt[:, 1] += 0.60 * down
    targets.angles['lumbar_flexion'] += 0.40 * down
    targets.angles['neck_flexion'] -= 0.25 * down
    targets.angles['head_flexion'] -= 0.25 * down


def _sit(body: Body, t: np.ndarray, generator: np.random.Generator) -> Targets:
    """Sit down on a seat, stay a while, stand up."""
    targets = _standing(body, t, generator)
    period = generator.uniform(4.5, 8.0)
    sit_down, stand_up = generator.uniform(0.9, 1.5, 2)
    knots = [0, 0.5, 0.5 + sit_down, period - stand_up, period]
    time = (t + generator.uniform(0, period)) % period
    seated = keyframes(time, knots, [0, 0, 1, 1, 0])
    seat = generator.uniform(0.39, 0.48) + 0.05 * body.stature
    standing = targets.pelvis[:, 2].copy()
    targets.pelvis[:, 2] = standing + seated * (seat - standing)
    back = 0.95 * body.thigh_length * (1 - (1 - seated) ** 2)
    targets.pelvis[:, 0] -= back
    moving = 4 * seated * (1 - seated)
    targets.tilt[:, 1] += 0.65 * moving - 0.15 * seated
    targets.angles['lumbar_flexion'] += 0.30 * moving + 0.20 * seated
    targets.angles['chest_flexion'] += 0.10 * seated
    targets.angles['neck_flexion'] -= 0.35 * moving
    for side in SIDES:
        targets.angles[f'{side}_shoulder_flexion'] += 0.45 * seated + 0.4 * moving
        targets.angles[f'{side}_elbow_flexion'] += 0.55 * seated
        targets.angles[f'{side}_shoulder_rotation'] += 0.25 * seated
    _add_postures(targets, t, generator, _gesture_posture, seated)
    return targets


def _bend(body: Body, t: np.ndarray, generator: np.random.Generator) -> Targets:
    """Bend down to the floor, as to pick something up."""
    targets = _standing(body, t, generator)
    down = _repeated(t, generator, (2.4, 4.2), (0.5, 1.0), (0.1, 0.42, 0.55, 0.92))
    knees = generator.uniform(0.15, 0.8)
    _crouch(body, targets, knees * down)
    rest = 1 - 0.5 * knees
    targets.pelvis[:, 0] -= 0.08 * rest * down
    targets.tilt[:, 1] += 0.75 * rest * down
    targets.angles['lumbar_flexion'] += 0.65 * rest * down
    targets.angles['chest_flexion'] += 0.30 * down
    both = generator.random() < 0.5
    first = int(generator.integers(2))
    for index, side in enumerate(SIDES):
        share = 1.0 if both or index == first else 0.7
        targets.angles[f'{side}_shoulder_flexion'] += (
            (1.25 + 0.35 * knees) * share * down
        )
        targets.angles[f'{side}_elbow_flexion'] += 0.2 * (1 - share) * down
    return targets


def _reach(body: Body, t: np.ndarray, generator: np.random.Generator) -> Targets:
    """Reach for things around, with one hand or both."""
    targets = _moving_about(body, t, generator, turn=(0.1, 0.9), rest=(0.6, 3))
    _add_postures(targets, t, generator, _reach_posture, 1.0)
    return targets


def _gesture(body: Body, t: np.ndarray, generator: np.random.Generator) -> Targets:
    """Talk with the hands."""
    targets = _moving_about(body, t, generator, turn=(0.1, 0.9), rest=(0.6, 3))
    _add_postures(targets, t, generator, _gesture_posture, 1.0)
    return targets


def _wave(body: Body, t: np.ndarray, generator: np.random.Generator) -> Targets:
    """Raise an arm and wave; rest; again."""
    targets = _moving_about(body, t, generator, turn=(0.1, 0.9), rest=(0.6, 3))
    period, rate = generator.uniform(3.5, 6.0), generator.uniform(1.1, 1.9)
    part = (t / period + generator.uniform()) % 1
    up = keyframes(part, [0, 0.08, 0.26, 0.78, 0.96, 1], [0, 0, 1, 1, 0, 0])
    beat = np.sin(2 * np.pi * rate * t + generator.uniform(0, 2 * np.pi)) * up
    sides = SIDES if generator.random() < 0.25 else (SIDES[generator.integers(2)],)
    for side in sides:
        raised = {
            'shoulder_abduction': generator.uniform(0.9, 1.7),
            'shoulder_flexion': generator.uniform(0, 0.4),
            'shoulder_rotation': -generator.uniform(0.9, 1.3),
            'elbow_flexion': generator.uniform(0.5, 1.2),
            'clavicle_elevation': 0.25,
        }
        for name, angle in raised.items():
            targets.angles[f'{side}_{name}'] += angle * up
        targets.angles[f'{side}_elbow_flexion'] += 0.35 * beat
        targets.angles[f'{side}_shoulder_rotation'] += 0.20 * beat
    return targets


def _kick(body: Body, t: np.ndarray, generator: np.random.Generator) -> Targets:
    """Swing a leg back and kick forward, standing on the other."""
    targets = _standing(body, t, generator)
    rest, slow = generator.uniform(0.2, 0.9), generator.uniform(0.9, 1.25)
    knots = np.cumsum([0, rest, *slow * np.array([0.35, 0.33, 0.30, 0.25, 0.5, 0.3])])
    time = (t + generator.uniform(0, knots[-1])) % knots[-1]
    leg = int(generator.integers(2))
    power = generator.uniform(0.85, 1.1) * body.leg_length
    lifted, back, front, held, down = knots[2:7]
    swung_back = keyframes(time, [lifted, back, front - 0.06], [0, 1, 0])
    thrown = keyframes(time, [back - 0.03, front, held, down], [0, 1, 0.8, 0])
    height = generator.uniform(0.15, 0.50)
    along = power * (0.78 * thrown - 0.45 * swung_back)
    targets.ankles[:, leg, 0] += along
    targets.ankles[:, leg, 2] += body.leg_length * (0.34 * swung_back + height * thrown)
    targets.foot_pitch[:, leg] += 1.1 * swung_back - 0.2 * thrown
    targets.free[:, leg] += np.maximum(swung_back, thrown)
    away = -SIDE_SIGNS[leg] * abs(targets.ankles[0, leg, 1])
    shift = keyframes(time, [knots[1], lifted, down, knots[-1]], [0, 1, 1, 0])
    targets.pelvis[:, 1] += 0.85 * away * shift
    targets.pelvis[:, 2] -= 0.03 * shift
    turned = along / body.leg_length
    targets.tilt[:, 1] -= 0.25 * turned
    targets.tilt[:, 0] -= SIDE_SIGNS[leg] * 0.30 * turned
    targets.angles['lumbar_twist'] += SIDE_SIGNS[leg] * 0.2 * turned
    targets.angles['chest_twist'] += SIDE_SIGNS[leg] * 0.35 * turned
    for index, side in enumerate(SIDES):
        sign = 1 if index == leg else -1
        targets.angles[f'{side}_shoulder_flexion'] -= sign * 0.7 * turned
        targets.angles[f'{side}_shoulder_abduction'] += 0.45 * shift
        targets.angles[f'{side}_elbow_flexion'] += 0.3 * shift
    return targets


def _jump(body: Body, t: np.ndarray, generator: np.random.Generator) -> Targets:
    """Crouch, push off, fly a parabola, land, stand."""
    targets = _standing(body, t, generator)
    height = generator.uniform(0.10, 0.34)
    lift_off_speed = np.sqrt(2 * GRAVITY * height)
    flight = 2 * lift_off_speed / GRAVITY
    depth = generator.uniform(0.26, 0.36) * body.leg_length
    toe_pitch = generator.uniform(0.65, 0.85)
    standing = targets.pelvis[:, 2].mean()
    lift_off = standing + _roll_offset(body, toe_pitch, 0.0)[1] - 0.03
    push = (lift_off - standing + depth) / (0.55 * lift_off_speed)
    crouch, rest = generator.uniform(0.40, 0.55), generator.uniform(0.15, 0.5)
    recover = generator.uniform(0.5, 0.7)
    absorb = depth / (0.42 * lift_off_speed)
    knots = np.cumsum([0, rest, crouch, push, flight, absorb, recover])
    time = (t + generator.uniform(0, knots[-1])) % knots[-1]
    bottom_push = 1.2 * lift_off_speed / push
    states = [
        (standing, 0, 0),
        (standing, 0, 0),
        (standing - depth, 0, bottom_push),
        (lift_off, lift_off_speed, -GRAVITY),
        (lift_off, -lift_off_speed, -GRAVITY),
        (standing - 0.8 * depth, 0, 0.5 * bottom_push),
        (standing, 0, 0),
    ]
    targets.pelvis[:, 2] += BPoly.from_derivatives(knots, states)(time) - standing
    begin, stop = knots[3], knots[4]
    since = time - begin
    rise = lift_off_speed * since - GRAVITY / 2 * since**2
    rise = 0.5 * (rise + np.sqrt(rise**2 + 0.02**2))
    pitch = keyframes(
        time,
        [knots[2], begin, stop, stop + 0.12],
        [0, toe_pitch, 0.7 * toe_pitch, 0],
    )
    forward, up = _roll_offset(body, pitch, np.zeros_like(pitch))
    flown = np.clip(since / flight, 0, 1)
    tuck = generator.uniform(0, 0.12) * _swing_bump(flown)
    targets.free[:] = _freedom(flown)[:, None]
    targets.ankles[..., 2] += (up + rise + tuck)[:, None]
    targets.ankles[..., 0] += forward[:, None]
    targets.foot_pitch[:] += pitch[:, None]
    bent = keyframes(time, [rest, *knots[2:]], [0, 1, -0.15, 0.1, 0.8, 0])
    targets.pelvis[:, 0] -= 0.17 * body.leg_length * bent
    targets.tilt[:, 1] += 0.45 * bent
    targets.angles['lumbar_flexion'] += 0.30 * bent
    targets.angles['head_flexion'] -= 0.30 * bent
    reach = generator.uniform(0.5, 1.7)
    arms = keyframes(
        time,
        [rest, knots[2] - 0.12, begin + 0.10, stop + 0.05, *knots[5:]],
        [0, -0.6, reach, 0.7 * reach, 0.3, 0],
    )
    for side in SIDES:
        targets.angles[f'{side}_shoulder_flexion'] += arms
        targets.angles[f'{side}_elbow_flexion'] += 0.3 * bent
    return targets


def _random(body: Body, t: np.ndarray, generator: np.random.Generator) -> Targets:
    """Smooth random motion: the upper body roams its joint limits, the feet stand."""
    targets = _standing(body, t, generator)
    names = [degree.name for degree in DEGREES if degree.name in targets.angles]
    noise = band_limited_noise(t, 0.7, generator, len(names))
    for name, wave in zip(names, noise.T, strict=True):
        degree = DEGREES[DEGREE_INDEX[name]]
        low, high = np.radians(degree.limits) * 0.9
        rest = np.clip(targets.angles[name][0], low + 0.05, high - 0.05)
        offset = np.log((rest - low) / (high - rest))
        targets.angles[name][:] = low + (high - low) / (1 + np.exp(-offset - wave))
    sway = band_limited_noise(t, 0.5, generator, 6)
    targets.pelvis[:] += 0.05 * sway[:, :3] * [1, 1, 0]
    targets.pelvis[:, 2] -= 0.18 / (1 + np.exp(1.0 - 1.5 * sway[:, 2]))
    targets.tilt[:] += np.radians([8, 8, 5]) * sway[:, 3:]
    return targets


_MOTIONS: dict[
    str, tuple[Callable[[Body, np.ndarray, np.random.Generator], Targets], float]
] = {
    'walk': (_walk, 0.2),
    'run': (_run, 0.1),
    'turn': (_turn, 0.8),
    'squat': (_squat, 0.8),
    'sit': (_sit, 0.8),
    'bend': (_bend, 0.8),
    'reach': (_reach, 0.8),
    'gesture': (_gesture, 0.8),
    'wave': (_wave, 0.8),
    'kick': (_kick, 0.8),
    'jump': (_jump, 0.8),
    'random': (_random, 0.8),
}

MOTIONS: tuple[str, ...] = tuple(_MOTIONS)
"""Names of the motions."""


class _Circuit:
    """A way round an ellipse, by arc length."""

    def __init__(self, radii: np.ndarray, generator: np.random.Generator) -> None:
        self.radii = radii
        self.hand = generator.choice([-1, 1])
        angle = np.linspace(0, 2 * np.pi, 721)
        middle = (angle[1:] + angle[:-1]) / 2
        speed = np.hypot(radii[0] * np.sin(middle), radii[1] * np.cos(middle))
        length = np.concatenate([[0], np.cumsum(speed * np.diff(angle))])
        self.length = length[-1]
        turn = angle - 2 * np.pi * length / self.length
        turn[-1] = turn[0]
        self.turn = CubicSpline(length, turn, bc_type='periodic')

    def __call__(self, way: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Place ``(N, 2)``, continuous heading and signed curvature ``(N,)``."""
        angle = 2 * np.pi * way / self.length + self.turn(way)
        wide, deep = self.radii
        cos, sin = np.cos(angle), np.sin(angle)
        # The tangent runs ahead of the angle by a quarter turn and a little more.
        more = np.arctan2((wide - deep) * sin * cos, wide * sin**2 + deep * cos**2)
        heading = angle + np.pi / 2 - more
        curvature = wide * deep / (wide**2 * sin**2 + deep**2 * cos**2) ** 1.5
        place = np.column_stack([wide * cos, self.hand * deep * sin])
        return place, self.hand * heading, self.hand * curvature


def _standing(body: Body, t: np.ndarray, generator: np.random.Generator) -> Targets:
    """Stand still, nearly: the start of most motions. Looks along +x."""
    frames = len(t)
    half_width = generator.uniform(0.05, 0.10) * body.stature
    toe_out = np.radians(generator.uniform(3, 18))
    ankles = np.zeros((frames, 2, 3))
    ankles[..., 0] = SIDE_SIGNS * generator.uniform(-0.03, 0.03) * body.stature
    ankles[..., 1] = SIDE_SIGNS * half_width
    ankles[..., 2] = body.ankle_height
    sway = band_limited_noise(t, 0.4, generator, 2)
    pelvis = np.column_stack([0.012 * sway + [0.02, 0], np.zeros(frames)])
    targets = Targets(
        pelvis=pelvis,
        tilt=np.radians(2) * band_limited_noise(t, 0.4, generator, 3),
        ankles=ankles,
        foot_yaw=np.tile(SIDE_SIGNS * toe_out, (frames, 1)),
        foot_pitch=np.zeros((frames, 2)),
        free=np.zeros((frames, 2)),
        angles=_upper_body(t, generator),
    )
    spread = half_width - body.offset('left_hip')[1]
    extension = generator.uniform(0.985, 0.996) * body.leg_length
    height = np.sqrt(extension**2 - spread**2) + body.ankle_height
    targets.pelvis[:, 2] = height
    return targets


def _upper_body(t: np.ndarray, generator: np.random.Generator) -> dict[str, np.ndarray]:
    """Angles of trunk, head and arms of somebody at ease, never quite still."""
    angles = {}
    for segment, sizes in (
        ('lumbar', (1.5, 1.0, 1.5)),
        ('chest', (1.5, 1.0, 1.5)),
        ('neck', (3.0, 2.0, 4.0)),
        ('head', (3.0, 2.0, 5.0)),
    ):
        noise = band_limited_noise(t, 0.5, generator, 3) * np.radians(sizes)
        for name, value in zip(('flexion', 'bend', 'twist'), noise.T, strict=True):
            angles[f'{segment}_{name}'] = value
    angles['chest_flexion'] = angles['chest_flexion'] + generator.uniform(0, 0.12)
    angles['neck_flexion'] = angles['neck_flexion'] + generator.uniform(0, 0.15)
    for side in SIDES:
        for name, rest, spread, noise_size in (
            ('clavicle_elevation', 0, 4, 1),
            ('clavicle_protraction', 0, 4, 1),
            ('shoulder_flexion', 2, 6, 2),
            ('shoulder_abduction', 9, 4, 1.5),
            ('shoulder_rotation', 12, 12, 3),
            ('elbow_flexion', 17, 8, 2),
        ):
            mean = np.radians(rest + spread * generator.uniform(-1, 1))
            wave = band_limited_noise(t, 0.5, generator, 1)[:, 0]
            angles[f'{side}_{name}'] = mean + np.radians(noise_size) * wave
    return angles


def _add_postures(
    targets: Targets,
    t: np.ndarray,
    generator: np.random.Generator,
    draw: Callable[[np.random.Generator], tuple[dict[str, float], float, float]],
    weight: np.ndarray | float,
) -> None:
    """Go through random postures, each with its time to move and to stay."""
    schedule = _fork(generator)
    knots, postures = [-_LEAD_S], [np.zeros(len(DEGREES))]
    while knots[-1] < t[-1] + _LEAD_S:
        posture, move, stay = draw(schedule)
        vector = np.zeros(len(DEGREES))
        vector[[DEGREE_INDEX[name] for name in posture]] = list(posture.values())
        knots += [knots[-1] + move, knots[-1] + move + stay]
        postures += [vector, vector]
    values = keyframes(t, np.array(knots), np.array(postures))
    targets.tilt[:] += (np.asarray(weight).reshape(-1, 1)) * values[:, :3]
    for name in targets.angles:
        targets.angles[name] += weight * values[:, DEGREE_INDEX[name]]


def _reach_posture(
    generator: np.random.Generator,
) -> tuple[dict[str, float], float, float]:
    move, stay = generator.uniform(0.55, 1.1), generator.uniform(0.1, 0.6)
    if generator.random() < 0.25:
        return {}, move, stay
    posture: dict[str, float] = {}
    both = generator.random() < 0.3
    leading = int(generator.integers(2))
    aside, raised = generator.uniform(-0.3, 1.1), generator.uniform(0.3, 2.5)
    for index, side in enumerate(SIDES):
        if not both and index != leading:
            continue
        posture |= {
            f'{side}_shoulder_flexion': raised,
            f'{side}_shoulder_abduction': aside if raised < 1.8 else 0.3 * aside,
            f'{side}_elbow_flexion': generator.uniform(-0.1, 0.6),
            f'{side}_clavicle_protraction': 0.25,
            f'{side}_clavicle_elevation': 0.15 * raised,
        }
    towards = 0.0 if both else SIDE_SIGNS[leading] * aside
    lean = generator.uniform(0, 0.35) * (raised < 1.8)
    twist = towards - (0.0 if both else SIDE_SIGNS[leading] * 0.3)
    posture |= {
        'pelvis_pitch': 0.4 * lean,
        'pelvis_yaw': 0.2 * twist,
        'lumbar_flexion': 0.8 * lean,
        'lumbar_twist': 0.2 * twist,
        'chest_twist': 0.35 * twist,
        'neck_twist': 0.3 * towards,
        'head_twist': 0.3 * towards,
        'head_flexion': 0.25 * (1.2 - raised),
        'lumbar_bend': -0.12 * towards,
    }
    return posture, move, stay


def _gesture_posture(
    generator: np.random.Generator,
) -> tuple[dict[str, float], float, float]:
    move, stay = generator.uniform(0.35, 0.8), generator.uniform(0.0, 0.5) + 0.02
    posture = {
        'neck_twist': generator.uniform(-0.3, 0.3),
        'head_twist': generator.uniform(-0.3, 0.3),
        'head_flexion': generator.uniform(-0.15, 0.3),
        'chest_twist': generator.uniform(-0.15, 0.15),
    }
    for side in SIDES:
        if generator.random() < 0.3:
            continue
        posture |= {
            f'{side}_shoulder_flexion': generator.uniform(0.1, 1.0),
            f'{side}_shoulder_abduction': generator.uniform(-0.1, 0.5),
            f'{side}_shoulder_rotation': generator.uniform(-0.4, 0.6),
            f'{side}_elbow_flexion': generator.uniform(0.5, 1.6),
        }
    return posture, move, stay


def _repeated(
    t: np.ndarray,
    generator: np.random.Generator,
    period: tuple[float, float],
    size: tuple[float, float],
    knots: tuple[float, float, float, float],
) -> np.ndarray:
    """A signal that goes from 0 up to a random size and back, again and again."""
    seconds = generator.uniform(*period)
    cycle = t / seconds + generator.uniform()
    sizes = generator.uniform(*size, 64)[np.floor(cycle).astype(int) % 64]
    return sizes * keyframes(cycle % 1, [0, *knots, 1], [0, 0, 1, 1, 0, 0])


def _fork(generator: np.random.Generator) -> np.random.Generator:
    """A generator for draws whose number depends on the length of the motion."""
    return np.random.default_rng(generator.integers(2**63))


def _placed(targets: Targets, room: float, generator: np.random.Generator) -> Targets:
    """Turn everything to a random heading and move it by up to ``room`` metres."""
    yaw, shift = generator.uniform(-np.pi, np.pi), generator.uniform(-room, room, 2)
    cos, sin = np.cos(yaw), np.sin(yaw)
    rotation = np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])
    offset = np.array([*shift, 0])
    return Targets(
        pelvis=targets.pelvis @ rotation.T + offset,
        tilt=targets.tilt + [yaw, 0, 0],
        ankles=targets.ankles @ rotation.T + offset,
        foot_yaw=targets.foot_yaw + yaw,
        foot_pitch=targets.foot_pitch,
        free=targets.free,
        angles=targets.angles,
    )


def _bend_legs(
    body: Body, targets: Targets, pelvis: np.ndarray, angles: np.ndarray
) -> None:
    """Fill in the angles of hips and knees."""
    rotation = joint_rotation(angles, 'pelvis')
    hips = pelvis[:, None] + _hip_offsets(body, targets.tilt)
    yaw = targets.foot_yaw
    knee_axis = np.stack([-np.sin(yaw), np.cos(yaw), np.zeros_like(yaw)], axis=-1)
    for index, (side, sign) in enumerate(zip(SIDES, SIDE_SIGNS, strict=True)):
        mirror = np.array([1, sign, 1])
        reach = _into_frame(rotation, targets.ankles[:, index] - hips[:, index])
        axis = _into_frame(rotation, knee_axis[:, index])
        solved = leg_angles(
            reach * mirror,
            sign * axis * mirror,
            body,
            ease=_EASE * targets.free[:, index],
        )
        names = ('hip_flexion', 'hip_abduction', 'hip_rotation', 'knee_flexion')
        for name, value in zip(names, solved, strict=True):
            angles[:, DEGREE_INDEX[f'{side}_{name}']] = value


def _level_feet(body: Body, targets: Targets, state: JointState) -> None:
    """Fill in the angles of the ankles, so that the feet lie as asked."""
    kinematics = forward_kinematics(body, state)
    for index, (side, sign) in enumerate(zip(SIDES, SIDE_SIGNS, strict=True)):
        yaw, pitch = targets.foot_yaw[:, index], targets.foot_pitch[:, index]
        cos, sin, zero = np.cos(yaw), np.sin(yaw), np.zeros_like(yaw)
        up_tilt, along = np.sin(pitch), np.cos(pitch)
        foot = np.stack(
            [
                np.stack([cos * along, -sin, cos * up_tilt], axis=-1),
                np.stack([sin * along, cos, sin * up_tilt], axis=-1),
                np.stack([-up_tilt, zero, along], axis=-1),
            ],
            axis=-2,
        )
        shank = segment_rotations(kinematics, f'{side}_shank')
        mirror = np.diag([1, sign, 1])
        local = mirror @ np.swapaxes(shank, -1, -2) @ foot @ mirror
        dorsiflexion, eversion, _ = limb_rotation_to_angles(local)
        state.angles[:, DEGREE_INDEX[f'{side}_ankle_dorsiflexion']] = dorsiflexion
        state.angles[:, DEGREE_INDEX[f'{side}_ankle_eversion']] = eversion


def _hip_offsets(body: Body, tilt: np.ndarray) -> np.ndarray:
    """Right and left hip ``(F, 2, 3)`` against the root, world frame."""
    angles = np.zeros((len(tilt), len(DEGREES)))
    angles[:, :3] = tilt
    rotation = joint_rotation(clamp_to_limits(angles, margin=_SOFT_MARGIN), 'pelvis')
    offsets = np.stack([body.offset(f'{side}_hip') for side in SIDES])
    return offsets @ np.swapaxes(rotation, -1, -2)


def _foot_roll(gait: Gait, part: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How far heel and toe are up, by the phase of the stride."""
    peak = gait.duty + 0.06
    heel = keyframes(
        part, [0, gait.heel_off, peak, 0.93, 1], [0, 0, gait.heel_rise, 0, 0]
    )
    toe = keyframes(part, [0, 0.10, 0.80, 1], [gait.toe_raise, 0, 0, gait.toe_raise])
    return heel, toe


def _roll_offset(
    body: Body, heel: np.ndarray | float, toe: np.ndarray | float
) -> tuple[np.ndarray, np.ndarray]:
    """Way of the ankle, forward and up, when the foot rolls over its toe or heel."""
    front, height = body.offset('left_toe')[0], -body.offset('left_toe')[2]
    rear = -body.offset('left_heel')[0]
    forward = front * (1 - np.cos(heel)) + height * np.sin(heel)
    forward = forward + rear * (np.cos(toe) - 1) - height * np.sin(toe)
    up = front * np.sin(heel) + height * (np.cos(heel) - 1)
    up = up + rear * np.sin(toe) + height * (np.cos(toe) - 1)
    return forward, up


def _swing_progress(part: np.ndarray) -> np.ndarray:
    """From 0 to 1 with the speed ``(1 - x^4)^2``."""
    x = 2 * part - 1
    return 0.5 + (x - 0.4 * x**5 + x**9 / 9) * 45 / 64


def _freedom(part: np.ndarray) -> np.ndarray:
    """From 0 quickly to 1 and back to 0 at the end."""
    return (1 - (2 * part - 1) ** 4) ** 2


def _swing_bump(part: np.ndarray) -> np.ndarray:
    """From 0 to 1 and back to 0."""
    return 64 * part**3 * (1 - part) ** 3


def _soft_minimum(a: np.ndarray, b: np.ndarray, width: float = 0.03) -> np.ndarray:
    """The lesser of two, rounded where they differ by less than ``width``."""
    near = np.maximum(1 - np.abs(a - b) / width, 0)
    return np.minimum(a, b) - width / 6 * near**3


def _left(heading: np.ndarray) -> np.ndarray:
    """Unit vectors ``(N, 2)`` to the left of a heading."""
    return np.stack([-np.sin(heading), np.cos(heading)], axis=-1)


def _into_frame(rotation: np.ndarray, vector: np.ndarray) -> np.ndarray:
    return np.einsum('fji,fj->fi', rotation, vector)
