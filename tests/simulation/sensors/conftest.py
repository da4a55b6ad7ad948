"""Shapes and recordings that the tests of the sensors share."""

import numpy as np
import pytest

from mmpose_ext.simulation.body import Body
from mmpose_ext.simulation.kinematics import forward_kinematics
from mmpose_ext.simulation.motions.mmfi_actions import MMFI_ACTIONS, animate_mmfi
from mmpose_ext.simulation.sensors.parameters import load_sensor_parameters
from mmpose_ext.simulation.sensors.recording import Subject, record
from mmpose_ext.simulation.sensors.surface import Surface, body_surface


def ball_at(*centre, radius=0.2, moments=None):
    """A ball, nearly: a capsule a tenth of a millimetre long."""
    start = np.array([centre], float)
    end = start + [0, 0, 1e-4]
    across = np.array([[1.0, 0, 0]])
    if moments is not None:
        start, end = start + moments[:, None], end + moments[:, None]
        across = np.broadcast_to(across, start.shape)
    return Surface(start, end, across, np.array([radius]), np.array([True]))


def both(first, second):
    """Two surfaces in one."""
    return Surface(
        *(
            np.concatenate([getattr(first, name), getattr(second, name)], axis=-2)
            for name in ('starts', 'ends', 'across')
        ),
        np.concatenate([first.radii, second.radii]),
        np.concatenate([first.bare, second.bare]),
    )


@pytest.fixture(scope='session')
def ball():
    """A function from a place, a radius and moves of moments to a surface."""
    return ball_at


@pytest.fixture(scope='session')
def together():
    """A function that puts two surfaces into one."""
    return both


@pytest.fixture(scope='session')
def parameters():
    return load_sensor_parameters()


@pytest.fixture(scope='session')
def marching():
    """A body and its surface while it marches on the spot, 1 s at 100 Hz."""
    generator = np.random.default_rng(0)
    body = Body.sample(generator)
    state = animate_mmfi('A06', body, num_frames=100, fps=100, generator=generator)
    kinematics = forward_kinematics(body, state)
    return body, kinematics, body_surface(body, kinematics, cloth_m=0.01)


@pytest.fixture(scope='session')
def act(parameters):
    """A function from person, action, room and length to a recording."""

    def simulate(person, action, room='E01', frames=12):
        subject = Subject.sample(np.random.default_rng([5, person]), parameters)
        key = [5, person, MMFI_ACTIONS.index(action)]
        state = animate_mmfi(
            action,
            subject.body,
            num_frames=10 * frames,
            fps=100,
            generator=np.random.default_rng([*key, 0]),
        )
        return record(
            *(subject, state, parameters.rooms[room]),
            fps=10,
            parameters=parameters,
            generator=np.random.default_rng([*key, 1]),
        )

    return simulate


@pytest.fixture(scope='session')
def recordings(act):
    """Every action, done by one of three people: 27 recordings of 12 frames."""
    return {
        action: act(number % 3, action, frames=12)
        for number, action in enumerate(MMFI_ACTIONS)
    }
