"""From what the loader sends to what a model takes."""

from mmpose_ext.models.data_preprocessors.multi_modal_data_preprocessor import (
    MultiModalDataPreprocessor,
)
from mmpose_ext.models.data_preprocessors.semi_supervised_data_preprocessor import (
    SemiSupervisedDataPreprocessor,
)

__all__ = ['MultiModalDataPreprocessor', 'SemiSupervisedDataPreprocessor']
