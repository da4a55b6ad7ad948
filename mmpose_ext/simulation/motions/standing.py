"""Standing at ease: the start of most motions."""

from __future__ import annotations

import numpy as np

from mmpose_ext.simulation.body import Body
from mmpose_ext.simulation.motions.targets import Targets
from mmpose_ext.simulation.motions.time_signals import band_limited_noise
from mmpose_ext.simulation.skeleton import SIDE_SIGNS, SIDES


def standing_targets(
    body: Body, t: np.ndarray, generator: np.random.Generator
) -> Targets:
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
        angles=upper_body_at_ease(t, generator),
    )
    spread = half_width - body.offset('left_hip')[1]
    extension = generator.uniform(0.985, 0.996) * body.leg_length
    height = np.sqrt(extension**2 - spread**2) + body.ankle_height
    targets.pelvis[:, 2] = height
    return targets


def upper_body_at_ease(
    t: np.ndarray, generator: np.random.Generator
) -> dict[str, np.ndarray]:
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
