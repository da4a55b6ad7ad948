"""Pack a frame of several sensors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmpose.registry import TRANSFORMS
from mmpose.structures import PoseDataSample


@TRANSFORMS.register_module()
class PackMultiModalInputs(BaseTransform):
    """Turn a frame into tensors and a ``PoseDataSample`` with names.

    Required Keys:

        - the modalities, valid (dict of bool by modality)
        - pose ``(17, 3)``, metres

    Optional Keys:

        - those in ``meta_keys``

    Added Keys (the result holds nothing else):

        - inputs: dict of a float32 tensor for each modality, and valid ``(M,)`` bool in
          the same order
        - targets: dict of pose ``(17, 3)``, float32
        - data_samples: :obj:`PoseDataSample` with meta information alone, ``valid``
          among it as a list of M bool

    Args:
        modalities: Those to pack, in this order; ``None`` for all that the dataset
            uses.
        meta_keys: Keys of the sample that become meta information.
    """

    META_KEYS = (
        'sequence',
        'sequence_id',
        'frame_id',
        'sample_idx',
        'subject',
        'action',
        'environment',
        'noisy',
    )

    def __init__(
        self,
        modalities: Sequence[str] | None = None,
        meta_keys: Sequence[str] = META_KEYS,
    ) -> None:
        self.modalities = None if modalities is None else tuple(modalities)
        self.meta_keys = tuple(meta_keys)

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Pack one sample.

        Args:
            results: The sample, keys as listed for the class.

        Returns:
            ``dict(inputs=..., targets=..., data_samples=...)``.

        Raises:
            ValueError: If the sample lacks a modality.
        """
        names = tuple(results['valid']) if self.modalities is None else self.modalities
        missing = [name for name in names if name not in results]
        if missing:
            raise ValueError(
                f'PackMultiModalInputs: the sample has no {missing}; give the dataset '
                f'and this transform the same modalities, here {list(names)}'
            )
        valid = [results['valid'][name] for name in names]
        inputs = {name: _to_tensor(results[name]) for name in names}
        inputs['valid'] = torch.tensor(valid)
        sample = PoseDataSample()
        for key in self.meta_keys:
            if key in results:
                sample.set_field(results[key], key, field_type='metainfo')
        sample.set_field(valid, 'valid', field_type='metainfo')
        return {
            'inputs': inputs,
            'targets': {'pose': _to_tensor(results['pose'])},
            'data_samples': sample,
        }

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}(modalities={self.modalities}, '
            f'meta_keys={self.meta_keys})'
        )


def _to_tensor(array: np.ndarray) -> torch.Tensor:
    """Float32 tensor; copies only read-only, strided or differently typed arrays."""
    return torch.from_numpy(np.require(array, np.float32, ('C', 'W')))
