"""One person in one room before all sensors: a recorded sequence."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mmpose_ext.simulation.body import Body
from mmpose_ext.simulation.kinematics import (
    JointState,
    Kinematics,
    forward_kinematics,
)
from mmpose_ext.simulation.pinhole import Pinhole
from mmpose_ext.simulation.sensors.csi_receiver import report_csi
from mmpose_ext.simulation.sensors.keypoints import image_keypoints
from mmpose_ext.simulation.sensors.lidar import scan
from mmpose_ext.simulation.sensors.parameters import Room, SensorParameters
from mmpose_ext.simulation.sensors.patches import surface_patches
from mmpose_ext.simulation.sensors.radar import detect_echoes, echo_strengths
from mmpose_ext.simulation.sensors.surface import Surface, body_surface, hidden
from mmpose_ext.simulation.sensors.wifi import Link

PACKETS = 10
"""Packets of channel state, and moments of the body, a frame."""

AXES = np.array([[-1.0, 0.0, 0.0], [0.0, -1.0, 0.0], [0.0, 0.0, 1.0]])
"""Directions ahead, left and up of the sensors, as rows, world."""


@dataclass(frozen=True, eq=False)
class Subject:
    """A person as it is recorded.

    Args:
        body: Its measures.
        cloth_m: Thickness of its clothes, metres.
        cloth_reflectivity: Share of the scanner's light that they reflect.
        place: Where it stands ``(2,)``, metres.
        antenna_shift: By how much transmitter and receiver stand elsewhere than for
            other people ``(2, 3)``, metres.
    """

    body: Body
    cloth_m: float
    cloth_reflectivity: float
    place: np.ndarray
    antenna_shift: np.ndarray

    @classmethod
    def sample(
        cls, generator: np.random.Generator, parameters: SensorParameters
    ) -> Subject:
        """Draw one."""
        return cls(
            Body.sample(generator),
            float(generator.uniform(*parameters.cloth_thickness_m)),
            float(generator.uniform(*parameters.cloth_reflectivity)),
            parameters.stance.subject_shift_m * generator.standard_normal(2),
            parameters.wifi.session_shift_m * generator.standard_normal((2, 3)),
        )


@dataclass(frozen=True, eq=False)
class Recording:
    """What the sensors give, in the camera's frame (x right, y down, z ahead), metres.

    Args:
        pose_cam: Joints ``(F, 17, 3)`` in Human3.6M-17 order.
        keypoints: ``(F, 17, 2)``, pixels.
        lidar: F arrays ``(N, 3)``.
        mmwave: F arrays ``(N, 5)``: place, radial velocity in metres per second
            (negative: nearer) and signal-to-noise ratio in dB.
        csi_amplitude: ``(F, 3, 114, 10)``, dB.
        csi_phase: ``(F, 3, 114, 10)``, radians.
    """

    pose_cam: np.ndarray
    keypoints: np.ndarray
    lidar: list[np.ndarray]
    mmwave: list[np.ndarray]
    csi_amplitude: np.ndarray
    csi_phase: np.ndarray


def record(
    subject: Subject,
    state: JointState,
    room: Room,
    *,
    fps: float,
    parameters: SensorParameters,
    generator: np.random.Generator,
) -> Recording:
    """Record a sequence.

    Args:
        subject: The person.
        state: Its postures ``(F * 10,)``, ten a frame at equal distances, about the
            origin of the floor, facing +x.
        room: Where it is.
        fps: Frames a second.
        parameters: The sensors.
        generator: Source of randomness; each sensor draws from one of its own.

    Returns:
        The recording.

    Raises:
        ValueError: If the number of postures is no multiple of ten.
    """
    if len(state.root) % PACKETS:
        raise ValueError(
            f'{len(state.root)} postures; expected {PACKETS} for every frame'
        )
    own = generator.spawn(5)
    kinematics = _placed(subject, state, parameters, own[0])
    surface = body_surface(subject.body, kinematics, cloth_m=subject.cloth_m)
    frames = slice(0, None, PACKETS)
    camera = camera_of(room, parameters)
    keypoints = image_keypoints(
        surface[frames], camera, parameters=parameters.camera, generator=own[1]
    )
    lidar = _scan_frames(subject, surface[frames], camera, parameters, own[2])
    mmwave = _detect_frames(surface, camera, PACKETS * fps, parameters, own[3])
    amplitude, phase = _csi(subject, surface, camera, room, parameters, own[4])
    return Recording(
        camera.to_camera(kinematics.pose[frames]),
        keypoints,
        lidar,
        mmwave,
        amplitude,
        phase,
    )


def camera_of(room: Room, parameters: SensorParameters) -> Pinhole:
    """The colour camera of a room."""
    return Pinhole.looking(
        np.array(room.camera_place_m),
        yaw=np.pi,
        pitch=np.radians(room.camera_pitch_deg),
        focal=parameters.camera.focal_px,
        size=parameters.camera.size,
    )


def link_of(
    room: Room, parameters: SensorParameters, shift: np.ndarray | float = 0.0
) -> Link:
    """Transmitter and antennas of a room, moved by ``shift`` ``(2, 3)``, metres."""
    shifts = np.broadcast_to(shift, (2, 3))
    wifi = parameters.wifi
    middle = _beside(room.camera_place_m, wifi.antenna_offset_m) + shifts[1]
    steps = np.array([-1, 0, 1])[:, None] * wifi.antenna_spacing_m
    return Link(
        room, np.array(room.transmitter_m) + shifts[0], middle + steps * AXES[1], wifi
    )


def _beside(
    place: tuple[float, ...] | np.ndarray, offset: tuple[float, ...]
) -> np.ndarray:
    """A place so far ahead of, left of and above another, as the sensors face."""
    return np.array(place) + np.array(offset) @ AXES


def _placed(
    subject: Subject,
    state: JointState,
    parameters: SensorParameters,
    generator: np.random.Generator,
) -> Kinematics:
    stance = parameters.stance
    place = subject.place + stance.sequence_shift_m * generator.standard_normal(2)
    turn = np.radians(stance.sequence_turn_deg) * generator.standard_normal()
    cos, sin = np.cos(turn), np.sin(turn)
    rotation = np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])
    kinematics = forward_kinematics(subject.body, state)
    return Kinematics(
        kinematics.points @ rotation.T + [*place, 0.0], rotation @ kinematics.rotations
    )


def _scan_frames(
    subject: Subject,
    surface: Surface,
    camera: Pinhole,
    parameters: SensorParameters,
    generator: np.random.Generator,
) -> list[np.ndarray]:
    lidar = parameters.lidar
    reflectivity = surface.of_material(
        lidar.skin_reflectivity, subject.cloth_reflectivity
    )
    place = _beside(camera.place, lidar.offset_m)
    clouds = (
        scan(
            *(surface[frame], reflectivity, place, AXES),
            parameters=lidar,
            generator=generator,
        )
        for frame in range(len(surface.starts))
    )
    return [camera.to_camera(cloud) for cloud in clouds]


def _detect_frames(
    surface: Surface,
    camera: Pinhole,
    moments_per_second: float,
    parameters: SensorParameters,
    generator: np.random.Generator,
) -> list[np.ndarray]:
    radar = parameters.radar
    place = _beside(camera.place, radar.offset_m)
    start = np.arange(0, len(surface.starts), PACKETS)
    now = surface_patches(surface[start], radar.patch_m)
    soon = surface_patches(surface[start + 1], radar.patch_m)
    places = (now.places - place) @ AXES.T
    normals = now.normals @ AXES.T
    velocities = (soon.places - now.places) @ AXES.T * moments_per_second
    reflectivity = np.where(now.bare, radar.skin_reflectivity, radar.cloth_reflectivity)
    clouds = []
    for frame, moment in enumerate(start):
        strengths = echo_strengths(
            *(places[frame], normals[frame], now.areas, reflectivity),
            roughness=radar.roughness,
        )
        facing = np.flatnonzero(strengths)
        blocked = hidden(surface[int(moment)], now.places[frame, facing], place)
        strengths[facing[blocked]] = 0
        echoes = detect_echoes(
            *(places[frame], velocities[frame], strengths),
            parameters=radar,
            generator=generator,
        )
        world = echoes[:, :3] @ AXES + place
        clouds.append(np.hstack([camera.to_camera(world), echoes[:, 3:]]))
    return clouds


def _csi(
    subject: Subject,
    surface: Surface,
    camera: Pinhole,
    room: Room,
    parameters: SensorParameters,
    generator: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    wifi = parameters.wifi
    link = link_of(room, parameters, subject.antenna_shift)
    patches = surface_patches(surface, wifi.patch_m)
    response = link.response(surface, patches)
    response = response.reshape(-1, PACKETS, *response.shape[1:])
    return report_csi(response, parameters=wifi, generator=generator)
