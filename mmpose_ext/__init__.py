"""Four lines of human-pose research as one MMPose plugin.

Importing the package registers everything in MMPose's registries. Configs do it with
``custom_imports = dict(imports=['mmpose_ext'], allow_failed_imports=False)``.
"""

from . import (
    codecs,
    datasets,
    engine,
    evaluation,
    geometry,
    models,
    simulation,
    visualization,
)
from .version import __version__

__all__ = [
    '__version__',
    'codecs',
    'datasets',
    'engine',
    'evaluation',
    'geometry',
    'models',
    'simulation',
    'visualization',
]
