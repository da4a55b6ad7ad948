"""What a sample is and where it comes from."""

from mmpose_ext.datasets.frame_store import FrameStore, FrameStoreWriter, SequenceInfo
from mmpose_ext.datasets.frame_store_fields import add_field
from mmpose_ext.datasets.lifting_dataset import LiftingDataset
from mmpose_ext.datasets.samplers import SourceTargetSampler
from mmpose_ext.datasets.transforms import PackLiftingInputs

__all__ = [
    'FrameStore',
    'FrameStoreWriter',
    'LiftingDataset',
    'PackLiftingInputs',
    'SequenceInfo',
    'SourceTargetSampler',
    'add_field',
]
