"""Walking and running round an ellipse."""

from __future__ import annotations

import numpy as np

from mmpose_ext.simulation.body import Body
from mmpose_ext.simulation.motions.circuit import Circuit
from mmpose_ext.simulation.motions.standing import upper_body_at_ease
from mmpose_ext.simulation.motions.stepping import Gait, left_of, stepping_feet
from mmpose_ext.simulation.motions.target_solver import reachable_height
from mmpose_ext.simulation.motions.targets import GRAVITY, Targets
from mmpose_ext.simulation.skeleton import SIDE_SIGNS, SIDES


def walk(
    body: Body,
    t: np.ndarray,
    generator: np.random.Generator,
    circuit: Circuit | None = None,
) -> Targets:
    """Walk round at a pace of one's own, on any or the given way."""
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
        *(body, t, generator, gait),
        arms=(swing, elbow, 0.6 * swing),
        lean=lean,
        extension=generator.uniform(0.988, 0.995),
        circuit=circuit or Circuit(radii, generator.choice([-1, 1])),
    )


def run(body: Body, t: np.ndarray, generator: np.random.Generator) -> Targets:
    """Run round, with a flight in every step."""
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
        *(body, t, generator, gait),
        arms=(swing, elbow, 0.4 * swing),
        lean=np.radians(generator.uniform(6, 12)),
        extension=generator.uniform(0.97, 0.985),
        circuit=Circuit(radii, generator.choice([-1, 1])),
    )


def _travel(
    body: Body,
    t: np.ndarray,
    generator: np.random.Generator,
    gait: Gait,
    *,
    arms: tuple[float, float, float],
    lean: float,
    extension: float,
    circuit: Circuit,
) -> Targets:
    """Walk or run round an ellipse, leaning into it."""
    way = _way_walked(gait, t, generator)
    phase = way / gait.stride
    # The middle of the foot, not the ankle, lies under the hip in mid stance.
    behind = 0.45 * body.offset('left_toe')[0]
    lateral_shift = 0.8 * gait.speed**2 / GRAVITY * body.leg_length

    def footprints(side: int, phases: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        place, heading, curvature = circuit(phases * gait.stride - behind)
        shift = SIDE_SIGNS[side] * gait.half_width - lateral_shift * curvature
        toe_out = SIDE_SIGNS[side] * gait.toe_out
        return place + shift[:, None] * left_of(heading), heading + toe_out

    ankles, foot_yaw, foot_pitch, free = stepping_feet(body, gait, phase, footprints)
    place, heading, curvature = circuit(way)
    wave, wave2 = np.cos(2 * np.pi * phase), np.sin(2 * np.pi * phase)
    place = place - (0.35 * gait.half_width * wave2)[:, None] * left_of(heading)
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
        angles=upper_body_at_ease(t, generator),
    )
    ceiling = reachable_height(body, targets, extension).min(axis=1)
    over_leg = np.cos(4 * np.pi * (phase - gait.duty / 2))
    rise = -gait.dip if gait.dip else 0.6 * _highest_ride(ceiling, over_leg)
    targets.pelvis[:, 2] = (ceiling - rise * over_leg).min() + rise * over_leg
    _swing_arms(targets, wave, yaw, drop * wave2, arms)
    targets.angles['lumbar_flexion'] += 0.75 * lean
    targets.angles['head_flexion'] -= 0.6 * lean
    return targets


def _way_walked(
    gait: Gait, t: np.ndarray, generator: np.random.Generator
) -> np.ndarray:
    """Metres ``(F,)`` since the start, at a speed that varies by 6 per cent."""
    way = gait.speed * (t + generator.uniform(0, 10))
    ripple, offset = generator.uniform(1.5, 2.5), generator.uniform(0, 2 * np.pi)
    return way + 0.06 * gait.speed / ripple * np.sin(ripple * t + offset)


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
