"""A person for the tests of bodies, and postures to put it in."""

import numpy as np
import pytest

from mmpose_ext.simulation.body import Body
from mmpose_ext.simulation.kinematics import JointState
from mmpose_ext.simulation.skeleton import DEGREE_INDEX, DEGREES


@pytest.fixture
def body():
    return Body.sample(np.random.default_rng(3))


@pytest.fixture(scope='session')
def posture():
    """A function from angles in degrees to a posture with the root at the origin."""

    def build(**degrees):
        angles = np.zeros(len(DEGREES))
        for name, value in degrees.items():
            angles[DEGREE_INDEX[name]] = np.radians(value)
        return JointState(angles, np.zeros(3))

    return build
