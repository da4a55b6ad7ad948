"""Random motion."""

from __future__ import annotations

import numpy as np

from mmpose_ext.simulation.body import Body
from mmpose_ext.simulation.motions.standing import standing_targets
from mmpose_ext.simulation.motions.targets import Targets
from mmpose_ext.simulation.motions.time_signals import band_limited_noise
from mmpose_ext.simulation.skeleton import DEGREE_INDEX, DEGREES


def roam(body: Body, t: np.ndarray, generator: np.random.Generator) -> Targets:
    """Smooth random motion: the upper body roams its joint limits, the feet stand."""
    targets = standing_targets(body, t, generator)
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
