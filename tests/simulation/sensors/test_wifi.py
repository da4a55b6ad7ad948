"""The channel in a room, with and without a person."""

from dataclasses import replace

import numpy as np
import pytest

from mmpose_ext.simulation.sensors.multipath import LIGHT_MPS
from mmpose_ext.simulation.sensors.patches import surface_patches
from mmpose_ext.simulation.sensors.recording import link_of


@pytest.fixture
def link(parameters):
    return link_of(parameters.rooms['E01'], parameters)


def with_person(link, surface):
    patches = surface_patches(surface, link.parameters.patch_m)
    return link.response(surface, patches)


def relative(first, second):
    return np.sqrt((np.abs(first - second) ** 2).mean() / (np.abs(first) ** 2).mean())


def test_the_direct_path_is_that_of_friis(link):
    distance = np.linalg.norm(link.antennas - link.transmitter, axis=-1)
    direct = link.direct()
    assert direct.shape == (3, 114)
    gain = link.wavelength_m / (4 * np.pi * distance)
    np.testing.assert_allclose(np.abs(direct), gain[:, None] * np.ones(114))
    slope = np.diff(np.unwrap(np.angle(direct), axis=1)) / np.diff(link.frequency)
    expected = -2 * np.pi * distance / LIGHT_MPS
    np.testing.assert_allclose(slope, expected[:, None] * np.ones(113), rtol=1e-5)


def test_antennas_stand_half_a_wavelength_apart(link):
    steps = np.linalg.norm(np.diff(link.antennas, axis=0), axis=-1)
    np.testing.assert_allclose(steps, link.wavelength_m / 2, rtol=0.1)


def test_walls_and_furniture_count(link):
    bare = replace(link.room, reflection=(0.0,) * 6, furniture=())
    nothing = replace(link, room=bare).surroundings()
    np.testing.assert_array_equal(nothing, 0)
    furniture = replace(link, room=replace(link.room, reflection=(0.0,) * 6))
    walls = replace(link, room=replace(link.room, furniture=()))
    total = furniture.surroundings() + walls.surroundings()
    np.testing.assert_allclose(link.surroundings(), total, rtol=1e-9, atol=1e-15)
    assert np.abs(furniture.surroundings()).max() > 1e-6


def test_a_small_patch_scatters_by_physical_optics(parameters, ball):
    room = replace(parameters.rooms['E01'], reflection=(0.0,) * 6, furniture=())
    link = link_of(room, parameters)
    patches = surface_patches(ball(0.3, 0, 1, radius=0.02, moments=np.zeros((1, 3))), 1)
    single = replace(
        patches,
        places=patches.places[:, :1],
        normals=np.array([[[0, 0, 1.0]]]),
        areas=np.array([0.004]),
        bare=np.array([True]),
    )
    found = np.abs(link.person(single))[0, :, 57]
    there = link.transmitter - single.places[0, 0]
    back = link.antennas - single.places[0, 0]
    d1, d2 = np.linalg.norm(there), np.linalg.norm(back, axis=-1)
    cosines = np.maximum(there[2] / d1, 0) * np.maximum(back[:, 2] / d2, 0)
    skin = parameters.wifi.skin_reflectivity
    expected = 0.004 * skin * np.sqrt(cosines) / (4 * np.pi * d1 * d2)
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-15)


def test_the_pose_matters_and_time_does_not(link, marching):
    surface = marching[2]
    response = with_person(link, surface[[0, 0, 1, 20]])
    np.testing.assert_array_equal(response[0], response[1])
    little, much = (relative(response[0], response[i]) for i in (2, 3))
    assert 0 < little < 0.3 * much and 0.02 < much < 1


def test_long_sequences_equal_short_ones(link, marching):
    surface = marching[2]
    patches = surface_patches(surface, link.parameters.patch_m)
    some = slice(70, 75)
    part = replace(patches, places=patches.places[some], normals=patches.normals[some])
    whole = link.response(surface, patches)
    np.testing.assert_allclose(whole[some], link.response(surface[some], part))


def test_somebody_in_the_line_of_sight_dims_it(link, ball):
    bare = replace(link.room, reflection=(0.0,) * 6, furniture=())
    link = replace(link, room=bare)
    middle = (link.transmitter + link.antennas[1]) / 2
    still = np.zeros((1, 3))
    between = with_person(link, ball(*middle, radius=0.25, moments=still))
    aside = with_person(link, ball(*(middle + [0, 0, 2]), radius=0.05, moments=still))
    direct = np.abs(link.direct()).mean()
    assert np.abs(between).mean() < 0.6 * direct
    assert abs(np.abs(aside).mean() / direct - 1) < 0.1


def test_rooms_differ(parameters):
    responses = [
        link_of(room, parameters).direct() + link_of(room, parameters).surroundings()
        for room in parameters.rooms.values()
    ]
    levels = [20 * np.log10(np.abs(response)) for response in responses]
    for index, level in enumerate(levels):
        shape = level - level.mean()
        for other in levels[:index]:
            assert np.abs(shape - (other - other.mean())).mean() > 1
