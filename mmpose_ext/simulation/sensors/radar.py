"""A millimetre-wave radar: sparse points with Doppler, of what moves."""

from __future__ import annotations

import numpy as np

from mmpose_ext.simulation.sensors.parameters import RadarParameters


def detect_echoes(
    places: np.ndarray,
    velocities: np.ndarray,
    strengths: np.ndarray,
    *,
    parameters: RadarParameters,
    generator: np.random.Generator,
) -> np.ndarray:
    """Report the cells of range, velocity and angle from which enough power comes.

    The power of an echo falls with the fourth power of the range (radar equation) and
    with the beam; echoes of one cell add up, and their sum fluctuates from frame to
    frame like that of many scatterers (Swerling's first case). What is at rest falls
    into the velocity bin of walls and furniture and is thrown away with it, so that a
    person who keeps still gives no point at all. A point has the range and velocity of
    its cell, and the mean direction of its echoes, with errors.

    Args:
        places: Scatterers ``(P, 3)`` in the radar's axes (ahead, left, up), metres.
        velocities: Theirs ``(P, 3)``, metres per second.
        strengths: Cross-sections ``(P,)``, square metres; 0 for what is hidden.
        parameters: The radar.
        generator: Source of randomness.

    Returns:
        ``(N, 5)``, the strongest first: place ahead, left and up in metres; radial
        velocity in metres per second, negative when it comes nearer; signal-to-noise
        ratio in dB.
    """
    ranges = np.linalg.norm(places, axis=-1)
    radial = (places * velocities).sum(-1) / ranges
    azimuth = np.arctan2(places[:, 1], places[:, 0])
    elevation = np.arcsin(places[:, 2] / ranges)
    power = strengths * _beam(azimuth, elevation, parameters) / ranges**4

    speed_bin = np.round(radial / parameters.doppler_bin_mps).astype(int)
    seen = (speed_bin != 0) & (power > 0)
    if not seen.any():
        return np.empty((0, 5))
    cells = np.column_stack(
        [
            np.floor(ranges / parameters.range_bin_m),
            speed_bin,
            np.floor(azimuth / np.radians(parameters.azimuth_bin_deg)),
            np.floor(elevation / np.radians(parameters.elevation_bin_deg)),
        ]
    )[seen]
    _, first, cell = np.unique(cells, axis=0, return_index=True, return_inverse=True)
    cell = cell.reshape(-1)
    power, azimuth, elevation = power[seen], azimuth[seen], elevation[seen]
    total = np.bincount(cell, power)
    mean_azimuth = np.bincount(cell, power * azimuth) / total
    mean_elevation = np.bincount(cell, power * elevation) / total

    count = len(total)
    fluctuation = generator.exponential(size=count)
    noise = generator.standard_normal((3, count))
    with np.errstate(divide='ignore'):
        ratio_db = parameters.gain_db + 10 * np.log10(total * fluctuation)
    middle = (cells[first, 0] + 0.5) * parameters.range_bin_m
    points = _to_places(
        middle + parameters.range_noise_m * noise[0],
        mean_azimuth + np.radians(parameters.azimuth_noise_deg) * noise[1],
        mean_elevation + np.radians(parameters.elevation_noise_deg) * noise[2],
    )
    speeds = cells[first, 1] * parameters.doppler_bin_mps
    found = np.column_stack([points, speeds, ratio_db])
    found = found[ratio_db >= parameters.threshold_db]
    strongest = np.argsort(-found[:, 4], kind='stable')[: parameters.max_points]
    return found[strongest]


def echo_strengths(
    places: np.ndarray,
    normals: np.ndarray,
    areas: np.ndarray,
    reflectivity: np.ndarray,
    *,
    roughness: float,
) -> np.ndarray:
    """Cross-section of patches as a radar at the origin sees them.

    Args:
        places: ``(P, 3)``, metres.
        normals: Outward unit vectors ``(P, 3)``.
        areas: ``(P,)``, square metres.
        reflectivity: Share of the power that is reflected ``(P,)``.
        roughness: Exponent of the cosine of incidence.

    Returns:
        ``(P,)``, square metres; 0 for patches that face away.
    """
    ranges = np.linalg.norm(places, axis=-1)
    cosine = np.maximum(-(places * normals).sum(-1) / ranges, 0)
    return reflectivity * areas * cosine**roughness


def _beam(
    azimuth: np.ndarray, elevation: np.ndarray, parameters: RadarParameters
) -> np.ndarray:
    """Two-way gain of the antennas, 1 straight ahead, 1/2 at the beam's width."""
    wide, high = np.radians(parameters.beam_width_deg)
    return np.exp(-np.log(2) * ((azimuth / wide) ** 2 + (elevation / high) ** 2))


def _to_places(
    ranges: np.ndarray, azimuth: np.ndarray, elevation: np.ndarray
) -> np.ndarray:
    level = ranges * np.cos(elevation)
    return np.column_stack(
        [level * np.cos(azimuth), level * np.sin(azimuth), ranges * np.sin(elevation)]
    )
