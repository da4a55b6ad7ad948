"""Keypoints in the image of a camera, as a detector finds them.

Their places are read off the ends of the capsules, which are the joints: before noise
and misses they are projections of the ground truth, without the bias that annotators of
images have.
"""

from __future__ import annotations

import numpy as np

from mmpose_ext.geometry import H36M17
from mmpose_ext.simulation.capsules import CAPSULES
from mmpose_ext.simulation.detector_noise import SIGMA_PX, detect_keypoints
from mmpose_ext.simulation.pinhole import Pinhole
from mmpose_ext.simulation.ray_casting import ray_capsule
from mmpose_ext.simulation.sensors.parameters import CameraParameters
from mmpose_ext.simulation.sensors.surface import Surface
from mmpose_ext.simulation.skeleton import SIDES

_INDEX = {capsule.name: i for i, capsule in enumerate(CAPSULES)}
_TRUNK = {
    'spine': ('chest', 'starts'),
    'thorax': ('neck', 'starts'),
    'neck_base': ('head', 'starts'),
}
_LIMBS = {
    'hip': ('thigh', 'starts'),
    'knee': ('shank', 'starts'),
    'foot': ('shank', 'ends'),
    'shoulder': ('upper_arm', 'starts'),
    'elbow': ('forearm', 'starts'),
    'wrist': ('hand', 'starts'),
}
_OWN_FLESH_M = 0.15


def surface_joints(surface: Surface) -> np.ndarray:
    """Where the shapes of the parts of the body say that joints are.

    A detector learns to name such places: the round end of a limb, the middle of the
    hips, the top of the head. They are the joints of the ground truth exactly.

    Args:
        surface: Capsules ``(..., C)``.

    Returns:
        ``(..., 17, 3)`` in Human3.6M-17 order, metres.
    """
    head = _INDEX['head']
    axis = surface.ends[..., head, :] - surface.starts[..., head, :]
    axis = axis / np.maximum(np.linalg.norm(axis, axis=-1, keepdims=True), 1e-9)
    pelvis = _INDEX['pelvis']
    places = {
        'root': (surface.starts[..., pelvis, :] + surface.ends[..., pelvis, :]) / 2,
        'head': surface.ends[..., head, :] + surface.radii[head] * axis,
    }
    for joint, (part, end) in _TRUNK.items():
        places[joint] = getattr(surface, end)[..., _INDEX[part], :]
    for side in SIDES:
        for joint, (part, end) in _LIMBS.items():
            ends = getattr(surface, end)
            places[f'{side}_{joint}'] = ends[..., _INDEX[f'{side}_{part}'], :]
    return np.stack([places[name] for name in H36M17.joint_names], axis=-2)


def image_keypoints(
    surface: Surface,
    camera: Pinhole,
    *,
    parameters: CameraParameters,
    generator: np.random.Generator,
) -> np.ndarray:
    """What a detector finds in the images of a sequence.

    Args:
        surface: Capsules at the moments of the frames ``(F, C)``, world, metres.
        camera: The camera.
        parameters: How good the detector is.
        generator: Source of randomness.

    Returns:
        ``(F, 17, 2)`` in Human3.6M-17 order, pixels, float32; joints behind other
        parts of the body have larger errors.
    """
    joints = surface_joints(surface)
    pixels, _ = camera.project(joints)
    rate = parameters.mistake_rate
    found, _ = detect_keypoints(
        pixels,
        generator,
        sigma_px=SIGMA_PX,
        correlation=parameters.correlation,
        swap_rate=rate,
        swap_length=parameters.mistake_frames,
        miss_rate=rate,
        miss_length=parameters.mistake_frames,
    )
    behind = _behind_body(surface, joints, camera.place)[..., None]
    found = pixels + np.where(behind, parameters.hidden_factor, 1.0) * (found - pixels)
    return np.clip(found, 0, np.array(camera.size) - 1.0).astype(np.float32)


def _behind_body(
    surface: Surface, joints: np.ndarray, viewer: np.ndarray
) -> np.ndarray:
    """Whether another part of the body is well before a joint ``(F, 17)``."""
    ways = joints - viewer
    met = ray_capsule(
        viewer,
        ways[:, :, None],
        surface.starts[:, None],
        surface.ends[:, None],
        surface.radii,
    ).min(axis=-1)
    return (1 - met) * np.linalg.norm(ways, axis=-1) > _OWN_FLESH_M
