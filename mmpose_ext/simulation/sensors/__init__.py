"""Sensors that look at simulated people: camera, LiDAR, radar, WiFi."""

from mmpose_ext.simulation.sensors.parameters import (
    SensorParameters,
    load_sensor_parameters,
)
from mmpose_ext.simulation.sensors.recording import Recording, Subject, record

__all__ = [
    'Recording',
    'SensorParameters',
    'Subject',
    'load_sensor_parameters',
    'record',
]
