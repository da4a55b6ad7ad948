"""Bring batches of several sensors to the device."""

from __future__ import annotations

from typing import Any

from mmengine.model import BaseDataPreprocessor
from mmpose.registry import MODELS


@MODELS.register_module()
class MultiModalDataPreprocessor(BaseDataPreprocessor):
    """Data preprocessor of ``MultiModalPoseEstimator``.

    Batches are stacked and masked by ``multi_modal_collate`` already; here they move.
    Samples of names stay where they are.

    Args:
        non_blocking: Let copies to the device overlap with other work.
    """

    def __init__(self, non_blocking: bool = True) -> None:
        super().__init__(non_blocking)

    def forward(self, data: dict[str, Any], training: bool = False) -> dict[str, Any]:
        """Prepare a batch.

        Args:
            data: What ``multi_modal_collate`` gives.
            training: Not used.

        Returns:
            ``inputs`` on the device; ``data_samples``: the targets on the device and
            the list of samples as ``samples``.
        """
        targets = self.cast_data(data.get('targets', {}))
        return {
            'inputs': self.cast_data(data['inputs']),
            'data_samples': {**targets, 'samples': data['data_samples']},
        }
