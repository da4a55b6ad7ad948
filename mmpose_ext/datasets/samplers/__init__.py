"""In which order samples are drawn."""

from mmpose_ext.datasets.samplers.modality_resampler import ModalityResampler
from mmpose_ext.datasets.samplers.source_target_sampler import SourceTargetSampler

__all__ = [
    'ModalityResampler',
    'SourceTargetSampler',
]
