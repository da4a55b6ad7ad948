"""Batches of labelled and unlabelled people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from mmengine.registry import FUNCTIONS
from mmpose.structures import PoseDataSample
from torch import Tensor

ROLES = ('labelled', 'unlabelled')


@FUNCTIONS.register_module()
def semi_supervised_collate(samples: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Group people by role and stack them, in the worker that loaded them.

    Named in configs by ``collate_fn=dict(type='semi_supervised_collate')``. Pieces of
    images differ in size, so they are padded with zeros on the right and at the bottom,
    which is also what lies outside of an image.

    Args:
        samples: What ``PackSemiSupervisedInputs`` gives, in any order.

    Returns:
        ``inputs``: ``labelled`` uint8 ``(Bl, 3, H, W)`` and ``unlabelled`` uint8
        ``(Bu, 3, h, w)``; ``targets``: ``keypoints`` ``(Bl, K, 2)``, pixels of the
        input, ``keypoint_weights`` ``(Bl, K)``, ``source_to_input`` ``(Bu, 2, 3)`` and
        ``source_size`` ``(Bu, 2)``, int64, width and height before the padding;
        ``data_samples``: lists ``labelled`` and ``unlabelled`` of samples that carry
        only names, and ``source_reach`` where it is known.

    Raises:
        ValueError: If a role is missing or labelled images differ in size.
    """
    groups: dict[str, list[dict[str, Any]]] = {role: [] for role in ROLES}
    for sample in samples:
        groups[_role_of(sample)].append(sample)
    empty = [role for role in ROLES if not groups[role]]
    if empty:
        raise ValueError(
            f'a batch of {len(samples)} holds nobody {empty[0]}; use '
            "sampler=dict(type='SourceTargetSampler') and a batch_size that is a "
            'multiple of the sum of its ratio (an even one for 1 : 1)'
        )
    labelled, unlabelled = ([s['inputs'] for s in groups[role]] for role in ROLES)
    sizes = {tuple(image.shape) for image in labelled}
    if len(sizes) > 1:
        raise ValueError(
            f'labelled images of one batch have the shapes {sorted(sizes)}; all need '
            'the input_size of one TopdownAffine'
        )
    people = {role: [s['data_samples'] for s in groups[role]] for role in ROLES}
    labels = [sample.gt_instance_labels for sample in people['labelled']]
    maps = [sample.source_to_input for sample in people['unlabelled']]
    source_size = [(image.shape[2], image.shape[1]) for image in unlabelled]
    return {
        'inputs': {'labelled': torch.stack(labelled), 'unlabelled': _pad(unlabelled)},
        'data_samples': {role: list(map(_named, people[role])) for role in ROLES},
        'targets': {
            'keypoints': torch.cat([label.keypoints for label in labels]),
            'keypoint_weights': torch.cat([label.keypoint_weights for label in labels]),
            'source_to_input': torch.stack(maps),
            'source_size': torch.tensor(source_size),
        },
    }


def batch_bytes(batch: Any) -> int:
    """Bytes of all tensors in nested containers: what workers send of a batch."""
    if isinstance(batch, Tensor):
        return batch.numel() * batch.element_size()
    if isinstance(batch, Mapping):
        return sum(batch_bytes(value) for value in batch.values())
    if isinstance(batch, list | tuple):
        return sum(batch_bytes(value) for value in batch)
    return 0


def _role_of(sample: dict[str, Any]) -> str:
    role = sample['data_samples'].metainfo.get('role')
    if role not in ROLES:
        raise ValueError(
            f'a sample has the role {role!r}; semi_supervised_collate takes what '
            "dict(type='PackSemiSupervisedInputs', role=...) packs"
        )
    return role


def _named(sample: PoseDataSample) -> PoseDataSample:
    """A sample without the tensors of another one."""
    names = sample.metainfo
    names.pop('source_to_input', None)
    return PoseDataSample(metainfo=names)


def _pad(images: Sequence[Tensor]) -> Tensor:
    """Images ``(3, h, w)`` in one stack of the largest height and width."""
    height, width = (max(image.shape[axis] for image in images) for axis in (1, 2))
    stack = images[0].new_zeros((len(images), 3, height, width))
    for place, image in zip(stack, images, strict=True):
        place[:, : image.shape[1], : image.shape[2]] = image
    return stack
