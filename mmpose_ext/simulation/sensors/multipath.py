"""Radio channels as sums of paths: direct, by walls, by furniture, by people.

A path of length d carries the field ``wavelength / (4 pi d)`` of the one sent (Friis),
times what its reflections leave of it, and turns by ``exp(-2 pi i f d / c)``. A thing
of cross-section s, at d1 from one antenna and d2 from the other, carries
``wavelength / (4 pi)^1.5 * sqrt(s) / (d1 d2)`` (radar equation).
"""

from __future__ import annotations

from itertools import product
from math import factorial

import numpy as np

LIGHT_MPS = 299_792_458.0
"""Speed of light, metres per second."""

SUBCARRIERS = np.concatenate([np.arange(-58, -1), np.arange(2, 59)])
"""Numbers of the 114 sub-carriers of a 40 MHz channel (IEEE 802.11n)."""

_TERMS = 7


def frequencies(centre_hz: float, spacing_hz: float) -> np.ndarray:
    """Of the sub-carriers ``(114,)``, hertz."""
    return centre_hz + spacing_hz * SUBCARRIERS


def image_sources(
    source: np.ndarray, walls: np.ndarray, reflection: np.ndarray, order: int
) -> tuple[np.ndarray, np.ndarray]:
    """Where a source appears in the mirrors that the walls of a box are.

    Args:
        source: ``(3,)``, inside the box, metres.
        walls: Least and greatest coordinate of each axis ``(3, 2)``.
        reflection: Share of the field that each wall reflects ``(3, 2)``.
        order: Greatest number of reflections.

    Returns:
        Places ``(I, 3)``, the source itself first, and the share of the field that
        the reflections leave ``(I,)`` (Allen and Berkley, 1979).
    """
    axes = [
        _images_of_axis(*row, order)
        for row in zip(source, walls, reflection, strict=True)
    ]
    found = [
        (sum(image[0] for image in images), images)
        for images in product(*axes)
        if sum(image[0] for image in images) <= order
    ]
    found.sort(key=lambda entry: entry[0])
    places = np.array([[image[1] for image in images] for _, images in found])
    shares = np.array([np.prod([image[2] for image in images]) for _, images in found])
    return places, shares


def path_response(
    lengths: np.ndarray, gains: np.ndarray, frequency: np.ndarray
) -> np.ndarray:
    """Sum of paths.

    Args:
        lengths: ``(..., N)``, metres.
        gains: Field that arrives against the one sent, real or complex ``(..., N)``.
        frequency: ``(K,)``, hertz.

    Returns:
        ``(..., K)``, complex.
    """
    turns = np.exp(-2j * np.pi / LIGHT_MPS * lengths[..., None] * frequency)
    return (gains[..., None] * turns).sum(axis=-2)


def scattered_response(
    to_patches: np.ndarray,
    sent: np.ndarray,
    from_patches: np.ndarray,
    received: np.ndarray,
    frequency: np.ndarray,
) -> np.ndarray:
    """Sum of the paths from sources by patches to antennas.

    Paths by one source differ little in length, so their turn across the band is
    expanded about the mean length: seven terms are exact to a thousandth for
    differences of two metres and 40 MHz.

    Args:
        to_patches: Distances ``(..., I, P)`` from each source to each patch, metres.
        sent: Factor of the field on that way ``(..., I, P)``.
        from_patches: Distances ``(..., A, P)`` from each patch to each antenna.
        received: Factor of the field on that way ``(..., A, P)``.
        frequency: ``(K,)``, hertz, a narrow band.

    Returns:
        ``(..., A, K)``, complex.
    """
    middle = frequency.mean()
    offsets = frequency - middle
    turn = -2j * np.pi / LIGHT_MPS
    mean_from = from_patches.mean(axis=-1, keepdims=True)
    arriving = received * np.exp(turn * middle * from_patches)
    spread_from = from_patches - mean_from
    total = 0
    for index in range(to_patches.shape[-2]):
        distance = to_patches[..., index, :]
        mean_to = distance.mean(axis=-1, keepdims=True)
        leaving = sent[..., index, :] * np.exp(turn * middle * distance)
        field = arriving * leaving[..., None, :]
        spread = spread_from + (distance - mean_to)[..., None, :]
        sums = np.empty((*field.shape[:-1], _TERMS), complex)
        for term in range(_TERMS):
            sums[..., term] = field.sum(axis=-1)
            field = field * spread
        powers = np.stack(
            [(turn * offsets) ** term / factorial(term) for term in range(_TERMS)]
        )
        turns = np.exp(turn * offsets * (mean_from + mean_to[..., None, :]))
        total = total + (sums @ powers) * turns
    return np.asarray(total)


def blocked_share(
    source: np.ndarray,
    antennas: np.ndarray,
    starts: np.ndarray,
    ends: np.ndarray,
    radii: np.ndarray,
    wavelength_m: float,
) -> np.ndarray:
    """Share of the direct field that passes the capsules in its way.

    Each is a knife edge as high as it reaches into the line of sight (ITU-R P.526);
    the one that blocks most counts.

    Args:
        source: ``(3,)``, metres.
        antennas: ``(A, 3)``.
        starts: Ends of the capsules' axes ``(..., C, 3)``.
        ends: The other ends.
        radii: ``(C,)``.
        wavelength_m: Metres.

    Returns:
        ``(..., A)``, 0 to 1.
    """
    clearance, part = _line_clearance(
        source, antennas, starts[..., None, :, :], ends[..., None, :, :]
    )
    length = np.linalg.norm(antennas - source, axis=-1)[:, None]
    edge = radii - clearance
    ahead = np.clip(part, 0.02, 0.98)
    fresnel = edge * np.sqrt(2 / (wavelength_m * length * ahead * (1 - ahead)))
    shifted = fresnel - 0.1
    loss_db = 6.9 + 20 * np.log10(np.sqrt(shifted**2 + 1) + shifted)
    loss_db = np.where(fresnel > -0.78, np.maximum(loss_db, 0), 0.0)
    return 10 ** (-loss_db.max(axis=-1) / 20)


def _images_of_axis(
    place: float, walls: np.ndarray, reflection: np.ndarray, order: int
) -> list[tuple[int, float, float]]:
    """Number of reflections, place and share of each image along one axis."""
    images = [(0, float(place), 1.0)]
    for first in (0, 1):
        image, share, wall = float(place), 1.0, first
        for count in range(1, order + 1):
            image = 2 * float(walls[wall]) - image
            share *= float(reflection[wall])
            images.append((count, image, share))
            wall = 1 - wall
    return images


def _line_clearance(
    source: np.ndarray, antennas: np.ndarray, starts: np.ndarray, ends: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Least distance between lines of sight and axes, and where on the line it is."""
    line = (antennas - source)[:, None]
    axis, offset = ends - starts, source - starts
    line2, axis2 = (line * line).sum(-1), np.maximum((axis * axis).sum(-1), 1e-12)
    both, line_offset = (line * axis).sum(-1), (line * offset).sum(-1)
    axis_offset = (axis * offset).sum(-1)
    determinant = np.maximum(line2 * axis2 - both**2, 1e-12)
    part = np.clip((both * axis_offset - axis2 * line_offset) / determinant, 0, 1)
    along = np.clip((both * part + axis_offset) / axis2, 0, 1)
    part = np.clip((both * along - line_offset) / line2, 0, 1)
    gap = offset + part[..., None] * line - along[..., None] * axis
    return np.linalg.norm(gap, axis=-1), part
