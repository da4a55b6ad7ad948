"""What a sample is and where it comes from."""

from mmpose_ext.datasets.frame_store import FrameStore, FrameStoreWriter, SequenceInfo
from mmpose_ext.datasets.frame_store_fields import add_field
from mmpose_ext.datasets.labelled_subset import LabelledSubset
from mmpose_ext.datasets.lifting_dataset import LiftingDataset
from mmpose_ext.datasets.mmfi_dataset import MMFiDataset
from mmpose_ext.datasets.multi_modal_collate import multi_modal_collate
from mmpose_ext.datasets.noisy_modality_dataset import NoisyModalityDataset
from mmpose_ext.datasets.samplers import SourceTargetSampler
from mmpose_ext.datasets.semi_supervised_collate import (
    batch_bytes,
    semi_supervised_collate,
)
from mmpose_ext.datasets.semi_supervised_dataset import SemiSupervisedDataset
from mmpose_ext.datasets.transforms import PackLiftingInputs
from mmpose_ext.datasets.unlabelled_persons import UnlabelledPersons

__all__ = [
    'FrameStore',
    'FrameStoreWriter',
    'LabelledSubset',
    'LiftingDataset',
    'MMFiDataset',
    'NoisyModalityDataset',
    'PackLiftingInputs',
    'SemiSupervisedDataset',
    'SequenceInfo',
    'SourceTargetSampler',
    'UnlabelledPersons',
    'add_field',
    'batch_bytes',
    'multi_modal_collate',
    'semi_supervised_collate',
]
