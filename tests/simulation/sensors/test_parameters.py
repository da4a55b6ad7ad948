"""The file of parameters."""

import json
from dataclasses import asdict

import numpy as np
import pytest

from mmpose_ext.datasets.mmfi_layout import ENVIRONMENTS, IMAGE_SIZE
from mmpose_ext.simulation.sensors import parameters as module
from mmpose_ext.simulation.sensors.parameters import load_sensor_parameters


def content():
    return json.loads(module._FILE.read_text())


def save(tmp_path, values):
    file = tmp_path / 'sensors.json'
    file.write_text(json.dumps(values))
    return file


def test_the_committed_file_describes_mmfi(parameters):
    assert tuple(parameters.rooms) == ENVIRONMENTS
    assert parameters.camera.size == IMAGE_SIZE
    assert parameters.radar.max_points == 112
    assert 5e9 < parameters.wifi.centre_hz < 6e9
    assert load_sensor_parameters() is parameters


def test_rooms_hold_what_is_in_them(parameters):
    for room in parameters.rooms.values():
        low, high = np.array(room.walls_m).T
        things = [room.camera_place_m, room.transmitter_m, (0, 0, 1)]
        things += [thing[:3] for thing in room.furniture]
        assert (np.array(things) > low).all() and (np.array(things) < high).all()
        assert len(room.reflection) == 6 and 0 < min(room.reflection) < 1
        assert 2.5 < room.camera_place_m[0] < 3.5


def test_every_number_is_read(tmp_path, parameters):
    read = json.loads(json.dumps(asdict(parameters)))
    assert read == content()
    other = content()
    other['radar']['gain_db'] = 1.5
    assert load_sensor_parameters(save(tmp_path, other)).radar.gain_db == 1.5


@pytest.mark.parametrize(
    ('keys', 'words'),
    [
        (('lidar',), r"sensors.json: missing \['lidar'\]"),
        (('wifi', 'patch_m'), r"wifi: missing \['patch_m'\]"),
        (('rooms', 'E02', 'walls_m'), r"room E02: missing \['walls_m'\]"),
    ],
)
def test_missing_keys(tmp_path, keys, words):
    values = content()
    inner = values
    for key in keys[:-1]:
        inner = inner[key]
    del inner[keys[-1]]
    with pytest.raises(ValueError, match=words):
        load_sensor_parameters(save(tmp_path, values))


def test_unknown_keys(tmp_path):
    values = content()
    values['radar']['colour'] = 3
    with pytest.raises(ValueError, match=r"radar: missing \[\], unknown \['colour'\]"):
        load_sensor_parameters(save(tmp_path, values))
