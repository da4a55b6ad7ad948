"""Everything with parameters."""

from mmpose_ext.models import (
    backbones,
    data_preprocessors,
    estimators,
    heads,
    layers,
    losses,
    necks,
    views,
)

__all__ = [
    'backbones',
    'data_preprocessors',
    'estimators',
    'heads',
    'layers',
    'losses',
    'necks',
    'views',
]
