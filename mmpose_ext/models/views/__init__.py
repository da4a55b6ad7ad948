"""Views of unlabelled images, made in batches on the device."""

from mmpose_ext.models.views.batch_cut_mix import BatchCutMix
from mmpose_ext.models.views.batch_cut_occlude import BatchCutOcclude
from mmpose_ext.models.views.batch_cutout import BatchCutout
from mmpose_ext.models.views.batch_joint_cutout import BatchJointCutout
from mmpose_ext.models.views.batch_rand_augment import BatchRandAugment
from mmpose_ext.models.views.easy_hard_views import EasyHardViews
from mmpose_ext.models.views.similarity_view import SimilarityView

__all__ = [
    'BatchCutMix',
    'BatchCutOcclude',
    'BatchCutout',
    'BatchJointCutout',
    'BatchRandAugment',
    'EasyHardViews',
    'SimilarityView',
]
