"""Data that pass between parts: people of a clip, in 2D and in 3D."""

from mmpose_ext.structures.tracks import (
    ClipCamera,
    LiftedClip,
    LiftedTrack,
    PersonTrack,
)

__all__ = ['ClipCamera', 'LiftedClip', 'LiftedTrack', 'PersonTrack']
