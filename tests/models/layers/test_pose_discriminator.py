import pytest
import torch

from mmpose_ext.models.layers import PoseDiscriminator
from mmpose_ext.models.losses import least_squares_discriminator_loss


def windows(count=8, frames=5, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return 0.2 * torch.randn(count, frames, 17, 2, generator=generator)


@pytest.mark.parametrize('kernel_size', [1, 3])
def test_shapes(kernel_size):
    network = PoseDiscriminator(8, kernel_size=kernel_size)
    assert network(windows()).shape == (8, 5)
    assert network(windows(frames=1)).shape == (8, 1)


def test_place_and_size_do_not_matter():
    """A window's own place and distance; a frame's place."""
    network, keypoints = PoseDiscriminator(8), windows()
    track = torch.randn(8, 5, 1, 2)
    scale = torch.linspace(0.3, 900, 8)[:, None, None, None]
    torch.testing.assert_close(
        network(scale * keypoints + 3 * scale * track),
        network(keypoints),
        rtol=1e-4,
        atol=1e-5,
    )
    assert not torch.allclose(network(keypoints), network(keypoints.flip(-1)))


def test_normalized():
    """The window's mean width plus height becomes 2."""
    shape = PoseDiscriminator(8).normalize(windows())
    assert (shape[:, :, 0] == 0).all()
    extent = shape.amax(-2) - shape.amin(-2)
    torch.testing.assert_close(extent.sum(-1).mean(-1), torch.full((8,), 2.0))


def test_frames_by_themselves():
    """Unless a wider kernel joins them; the size is of the window."""
    keypoints = windows(1)
    swapped = keypoints[:, [4, 1, 2, 3, 0]]
    single, joined = PoseDiscriminator(8), PoseDiscriminator(8, kernel_size=3)
    torch.testing.assert_close(single(swapped)[:, 2], single(keypoints)[:, 2])
    torch.testing.assert_close(single(swapped)[:, 0], single(keypoints)[:, 4])
    assert not torch.allclose(joined(swapped)[:, 1], joined(keypoints)[:, 1])


def test_learns_to_tell_two_sets():
    """Poses about two different ones, also those it has not seen."""
    torch.manual_seed(0)
    network = PoseDiscriminator(16)
    optimizer = torch.optim.Adam(network.parameters(), lr=3e-3)
    means = windows(2, 1, seed=9)
    real, other, unseen, unseen_other = (
        means[i % 2] + 0.5 * windows(32, seed=i) for i in range(4)
    )
    for _ in range(60):
        loss = least_squares_discriminator_loss(network(real), network(other))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss < 0.05
    assert network(unseen).mean() > 0.8 and network(unseen_other).mean() < 0.2


@pytest.mark.parametrize('options', [dict(embed_dims=0), dict(kernel_size=2)])
def test_invalid(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        PoseDiscriminator(**options)
