"""Losses of a whole data set."""

from __future__ import annotations

import pytest
import torch
from mmpose.structures import PoseDataSample
from torch.testing import assert_close
from torch.utils.data import DataLoader

from mmpose_ext.datasets.multi_modal_collate import multi_modal_collate
from mmpose_ext.models.sample_losses import dataset_losses, sample_numbers
from tests.fixtures.tiny_multi_modal import tiny_multi_modal
from tests.fixtures.tiny_network_pair import TinyFrames, loader_of, numbered_batch


@pytest.fixture
def networks():
    torch.manual_seed(0)
    return [tiny_multi_modal(), tiny_multi_modal()]


def losses_of(networks, loader):
    return dataset_losses(networks, loader, networks[0].data_preprocessor)


def test_values(networks):
    """Those of all samples in order, though the loader would shuffle them."""
    frames = TinyFrames(10)
    loader = DataLoader(
        frames, batch_size=4, shuffle=True, collate_fn=multi_modal_collate
    )
    losses = losses_of(networks, loader)
    assert losses.shape == (2, 10)
    for row, network in zip(losses, networks, strict=True):
        batch = numbered_batch(frames, list(range(10)), network)
        assert_close(row, network.sample_losses(*batch).detach())


def test_leaves_no_trace(networks):
    networks[0].train()
    networks[1].eval()
    modes = []
    for network in networks:
        network.fusion.register_forward_hook(
            lambda fusion, *_: modes.append(fusion.training)
        )
    state = torch.get_rng_state()
    losses = losses_of(networks, loader_of(TinyFrames(5)))
    assert modes == [False] * 4
    assert torch.equal(torch.get_rng_state(), state)
    assert networks[0].training and not networks[1].training
    assert not losses.requires_grad


def test_invalid(networks):
    frames = TinyFrames(5)
    shifted = torch.utils.data.Subset(TinyFrames(10), range(4, 9))
    with pytest.raises(ValueError, match='get_subset'):
        losses_of(networks, loader_of(shifted))
    repeated = torch.utils.data.Subset(frames, [0, 1, 1, 2, 3])
    with pytest.raises(ValueError, match='1 of 5 samples'):
        losses_of(networks, loader_of(repeated))
    with pytest.raises(ValueError, match='no sample_idx'):
        sample_numbers([PoseDataSample()])
    with pytest.raises(ValueError, match='no sample_idx'):
        sample_numbers(None)
