"""Simulated clips that the tests of all motions share."""

from typing import NamedTuple

import numpy as np
import pytest

from mmpose_ext.simulation.body import Body
from mmpose_ext.simulation.kinematics import JointState, Kinematics, forward_kinematics
from mmpose_ext.simulation.motions import MOTIONS, animate
from mmpose_ext.simulation.skeleton import POINTS

HEELS = [POINTS.index('right_heel'), POINTS.index('left_heel')]
TOES = [POINTS.index('right_toe'), POINTS.index('left_toe')]


class Clip(NamedTuple):
    body: Body
    state: JointState
    kinematics: Kinematics

    @property
    def soles(self):
        """Height of the right and left heel and toe over the floor (F, 2)."""
        heights = self.kinematics.points[..., 2] - self.body.foot_radius
        return heights[:, HEELS], heights[:, TOES]


def animate_somebody(name, seed, frames=200, fps=50):
    generator = np.random.default_rng(seed)
    body = Body.sample(generator)
    state = animate(name, body, num_frames=frames, fps=fps, generator=generator)
    return Clip(body, state, forward_kinematics(body, state))


@pytest.fixture(scope='session')
def simulate():
    """A function from motion, seed, number of frames and frame rate to a clip."""
    return animate_somebody


@pytest.fixture(scope='session')
def clips():
    """Clips of four people for each motion, 4 s at 50 fps."""
    return {
        name: [animate_somebody(name, seed) for seed in range(4)] for name in MOTIONS
    }
