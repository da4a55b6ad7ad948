"""Batches of frames of several sensors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from mmengine.registry import FUNCTIONS
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from mmpose_ext.datasets.mmfi_layout import POINT_MODALITIES


@FUNCTIONS.register_module()
def multi_modal_collate(samples: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Stack samples, in the worker that loaded them; clouds are padded and masked.

    Named in configs by ``collate_fn=dict(type='multi_modal_collate')``.

    Args:
        samples: What ``PackMultiModalInputs`` gives.

    Returns:
        ``inputs``: for each modality its tensors ``(B, ...)``; clouds are
        ``(B, N, C)`` with 0 beyond their points, N being the largest number of points
        and at least 1, and have a mask ``lidar_mask`` or ``mmwave_mask`` ``(B, N)``
        bool, false in the padding; ``valid`` ``(B, M)`` bool. ``targets``: ``pose``
        ``(B, 17, 3)``. ``data_samples``: list of B samples with names alone.

    Raises:
        ValueError: If the samples do not have the same modalities, or were packed by
            something else.
    """
    if not samples or any('targets' not in sample for sample in samples):
        raise ValueError(
            'multi_modal_collate takes samples that '
            "dict(type='PackMultiModalInputs') packed; make it the last transform"
        )
    names = list(samples[0]['inputs'])
    for sample in samples:
        if list(sample['inputs']) != names:
            raise ValueError(
                f'samples of one batch have the inputs {names} and '
                f'{list(sample["inputs"])}; give all datasets the same modalities'
            )
    inputs: dict[str, Tensor] = {}
    for name in names:
        values = [sample['inputs'][name] for sample in samples]
        if name in POINT_MODALITIES:
            inputs[name], inputs[f'{name}_mask'] = pad_points(values)
        else:
            inputs[name] = torch.stack(values)
    return {
        'inputs': inputs,
        'targets': {'pose': torch.stack([s['targets']['pose'] for s in samples])},
        'data_samples': [sample['data_samples'] for sample in samples],
    }


def pad_points(clouds: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Put clouds of different size into one tensor.

    Args:
        clouds: B tensors ``(N_b, C)``, N_b from 0 on.

    Returns:
        Points ``(B, N, C)``, 0 beyond those of a cloud, and a mask ``(B, N)`` bool of
        points that are none; N is at least 1.
    """
    counts = torch.tensor([len(cloud) for cloud in clouds])
    points = pad_sequence(list(clouds), batch_first=True)
    if not points.shape[1]:
        points = points.new_zeros((len(clouds), 1, points.shape[2]))
    return points, torch.arange(points.shape[1]) < counts[:, None]
