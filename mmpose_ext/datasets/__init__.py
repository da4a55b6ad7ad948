"""What a sample is and where it comes from."""

from .frame_store import FrameStore, FrameStoreWriter, SequenceInfo
from .lifting_dataset import LiftingDataset
from .transforms import PackLiftingInputs

__all__ = [
    'FrameStore',
    'FrameStoreWriter',
    'LiftingDataset',
    'PackLiftingInputs',
    'SequenceInfo',
]
