"""Everything with parameters."""

from mmpose_ext.models import backbones, estimators, heads, layers, losses, necks

__all__ = ['backbones', 'estimators', 'heads', 'layers', 'losses', 'necks']
