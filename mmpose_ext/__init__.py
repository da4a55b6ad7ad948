"""Four lines of human-pose research as one MMPose plugin.

Importing the package registers everything in MMPose's registries. Configs do it with
``custom_imports = dict(imports=['mmpose_ext'], allow_failed_imports=False)``.
"""

from mmpose_ext.quiet_imports import quiet_imports
from mmpose_ext.version import __version__

with quiet_imports():  # mmdet prints lines about optional packages
    from mmpose_ext import (
        codecs,
        datasets,
        engine,
        evaluation,
        geometry,
        models,
        simulation,
        structures,
        visualization,
    )

__all__ = [
    '__version__',
    'codecs',
    'datasets',
    'engine',
    'evaluation',
    'geometry',
    'models',
    'simulation',
    'structures',
    'visualization',
]
