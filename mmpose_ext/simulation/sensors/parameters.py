"""Parameters of the simulated sensors, read from one committed file.

``mmfi_sensors.json`` holds them all. They follow data sheets and the published counts
of MM-Fi (Yang et al., NeurIPS 2023, Datasets and Benchmarks), and are left alone: data
that are made anew must be those that were learned from.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

_FILE = Path(__file__).with_name('mmfi_sensors.json')
_T = TypeVar('_T')
Pair = tuple[float, float]
Triple = tuple[float, float, float]


@dataclass(frozen=True)
class StanceParameters:
    """Where people stand, about the origin of the floor.

    Args:
        subject_shift_m: Standard deviation along x and y of a person's place.
        sequence_shift_m: Further deviation of each sequence.
        sequence_turn_deg: Standard deviation of the heading.
    """

    subject_shift_m: float
    sequence_shift_m: float
    sequence_turn_deg: float


@dataclass(frozen=True)
class CameraParameters:
    """The colour camera and the detector of keypoints.

    Args:
        size: ``(width, height)``, pixels.
        focal_px: Focal length.
        correlation: Of a keypoint's error from frame to frame.
        mistake_rate: Probability, per frame, that a swap or a miss begins.
        mistake_frames: How long one lasts.
        hidden_factor: How much larger errors are of joints that the body hides.
    """

    size: tuple[int, int]
    focal_px: float
    correlation: float
    mistake_rate: float
    mistake_frames: float
    hidden_factor: float


@dataclass(frozen=True)
class LidarParameters:
    """A spinning scanner.

    Args:
        offset_m: Where it is, from the camera (ahead, left, up).
        num_beams: Number of its lasers, one above the other.
        vertical_deg: Elevation of the lowest and the highest.
        columns: Shots of a laser in a turn.
        skin_reflectivity: 0 to 1; that of cloth differs from person to person.
        noise_m: Standard deviation of a range.
        drop_rate: Share of echoes that get lost.
        drop_signal: Reflectivity, seen at right angles from three metres, of which
            63 per cent is found.
    """

    offset_m: Triple
    num_beams: int
    vertical_deg: Pair
    columns: int
    skin_reflectivity: float
    noise_m: float
    drop_rate: float
    drop_signal: float


@dataclass(frozen=True)
class RadarParameters:
    """A frequency-modulated radar with a small array, 60 GHz.

    Args:
        offset_m: Where it is, from the camera (ahead, left, up).
        patch_m: Edge of the patches whose echoes are added up.
        range_bin_m: Resolution of the range.
        doppler_bin_mps: Resolution of the radial velocity. The lowest bin holds
            whatever is at rest and is thrown away, as against clutter.
        azimuth_bin_deg: Resolution of the azimuth.
        elevation_bin_deg: Resolution of the elevation.
        beam_width_deg: Half of the width of the beam at half power, in azimuth and
            elevation.
        skin_reflectivity: Share of the power that skin reflects.
        cloth_reflectivity: Share that clothed parts reflect.
        roughness: Exponent of the cosine of incidence in the echo's power.
        gain_db: Signal-to-noise ratio of one square metre at one metre.
        threshold_db: Least signal-to-noise ratio that is reported.
        range_noise_m: Standard deviation of a point's range.
        azimuth_noise_deg: That of its azimuth.
        elevation_noise_deg: That of its elevation.
        max_points: The strongest that are reported.
    """

    offset_m: Triple
    patch_m: float
    range_bin_m: float
    doppler_bin_mps: float
    azimuth_bin_deg: float
    elevation_bin_deg: float
    beam_width_deg: Pair
    skin_reflectivity: float
    cloth_reflectivity: float
    roughness: float
    gain_db: float
    threshold_db: float
    range_noise_m: float
    azimuth_noise_deg: float
    elevation_noise_deg: float
    max_points: int


@dataclass(frozen=True)
class WifiParameters:
    """A transmitter and a receiver of channel state, 40 MHz at 5 GHz.

    Args:
        centre_hz: Middle of the band.
        spacing_hz: Distance of the sub-carriers.
        antenna_offset_m: Where the middle antenna is, from the camera (ahead, left,
            up).
        antenna_spacing_m: Distance of the antennas, which stand side by side.
        patch_m: Edge of the patches that scatter.
        skin_reflectivity: Share of the field that skin reflects.
        cloth_reflectivity: Share that clothed parts reflect.
        room_order: Greatest number of walls that a path without the person meets.
        body_order: Greatest number of walls on the way to the person.
        session_shift_m: Standard deviation of the antennas' places from person to
            person.
        level_db: Level of the amplitudes.
        gain_jitter_db: Standard deviation of the receiver's gain from packet to
            packet.
        noise_db: Noise against the level.
        delay_jitter_s: Greatest error of the start of a packet.
        lost_entry_rate: Share of entries that are lost.
        bad_packet_rate: Share of packets that are lost as a whole.
        bad_frame_rate: Share of frames all of whose packets are lost.
    """

    centre_hz: float
    spacing_hz: float
    antenna_offset_m: Triple
    antenna_spacing_m: float
    patch_m: float
    skin_reflectivity: float
    cloth_reflectivity: float
    room_order: int
    body_order: int
    session_shift_m: float
    level_db: float
    gain_jitter_db: float
    noise_db: float
    delay_jitter_s: float
    lost_entry_rate: float
    bad_packet_rate: float
    bad_frame_rate: float


@dataclass(frozen=True)
class Room:
    """A room with its furniture and the places of the sensors.

    World frame: z up, the floor at 0, people stand at the origin and look along +x.

    Args:
        walls_m: Least and greatest x, y and z.
        reflection: Share of the field that each of the six reflects, in that order.
        camera_place_m: Where the camera is; it looks along -x.
        camera_pitch_deg: How far it looks down.
        transmitter_m: Where the transmitter is.
        furniture: ``(x, y, z, cross-section)`` of things that scatter, metres and
            square metres.
    """

    walls_m: tuple[Pair, Pair, Pair]
    reflection: tuple[float, ...]
    camera_place_m: Triple
    camera_pitch_deg: float
    transmitter_m: Triple
    furniture: tuple[tuple[float, float, float, float], ...]


@dataclass(frozen=True)
class SensorParameters:
    """All of them.

    Args:
        cloth_thickness_m: Least and greatest thickness of clothes.
        cloth_reflectivity: Least and greatest share of light that clothes reflect.
        stance: Where people stand.
        camera: See the class, as for the others.
        lidar: See there.
        radar: See there.
        wifi: See there.
        rooms: By the name of the environment.
    """

    cloth_thickness_m: Pair
    cloth_reflectivity: Pair
    stance: StanceParameters
    camera: CameraParameters
    lidar: LidarParameters
    radar: RadarParameters
    wifi: WifiParameters
    rooms: Mapping[str, Room]


@cache
def load_sensor_parameters(file: str | os.PathLike = _FILE) -> SensorParameters:
    """Read the parameters.

    Args:
        file: A JSON file with the keys of ``mmfi_sensors.json``.

    Returns:
        The parameters.

    Raises:
        ValueError: If a key is missing or unknown; names it and the file.
    """
    content = json.loads(Path(file).read_text(encoding='utf-8'))
    parts = {
        'stance': StanceParameters,
        'camera': CameraParameters,
        'lidar': LidarParameters,
        'radar': RadarParameters,
        'wifi': WifiParameters,
    }
    for name, kind in parts.items():
        if name in content:
            content[name] = _build(kind, content[name], f'{file}: {name}')
    if 'rooms' in content:
        content['rooms'] = {
            name: _build(Room, room, f'{file}: room {name}')
            for name, room in content['rooms'].items()
        }
    return _build(SensorParameters, content, str(file))


def _build(kind: type[_T], content: Mapping[str, Any], where: str) -> _T:
    known = {field.name for field in fields(kind)}  # type: ignore[arg-type]
    if set(content) != known:
        raise ValueError(
            f'{where}: missing {sorted(known - set(content))}, unknown '
            f'{sorted(set(content) - known)}; expected exactly {sorted(known)}'
        )
    return kind(**{name: _frozen(value) for name, value in content.items()})


def _frozen(value: Any) -> Any:
    return tuple(map(_frozen, value)) if isinstance(value, list) else value
