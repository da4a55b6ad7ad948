"""The top level of each family."""

from mmpose_ext.models.estimators.sequence_lifter import (
    SequenceLifter,
    flip_inputs,
    flip_poses,
)

__all__ = ['SequenceLifter', 'flip_inputs', 'flip_poses']
