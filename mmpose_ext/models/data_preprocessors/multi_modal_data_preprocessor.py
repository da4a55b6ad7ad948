"""Bring batches of several sensors to the device."""

from __future__ import annotations

from typing import Any

from mmengine.model import BaseDataPreprocessor
from mmpose.registry import MODELS


@MODELS.register_module()
class MultiModalDataPreprocessor(BaseDataPreprocessor):
    """Data preprocessor of models that take several sensors.

    Batches of ``multi_modal_collate`` come to the device as they are; names stay where
    they are.

    Args:
        non_blocking: Let copies from pinned memory overlap with computation.
    """

    def __init__(self, non_blocking: bool = True) -> None:
        super().__init__(non_blocking=non_blocking)

    def forward(self, data: dict[str, Any], training: bool = False) -> dict[str, Any]:
        """Prepare a batch.

        Args:
            data: What the data loader gives.
            training: Whether the batch is for training; it makes no difference.

        Returns:
            ``inputs``, dict of tensors, and ``data_samples``, dict of ``pose``
            ``(B, 17, 3)`` and the list ``samples``.

        Raises:
            ValueError: If the batch was collated by something else.
        """
        if not isinstance(data.get('inputs'), dict) or 'targets' not in data:
            raise ValueError(
                'MultiModalDataPreprocessor takes batches of multi_modal_collate; set '
                "collate_fn=dict(type='multi_modal_collate') in the data loader"
            )
        return {
            'inputs': self.cast_data(data['inputs']),
            'data_samples': {
                **self.cast_data(data['targets']),
                'samples': data['data_samples'],
            },
        }
