import pytest
import torch

from mmpose_ext.geometry.drawn_on_the_cpu import to_device


def test_values():
    drawn = torch.rand(3, 2)
    assert torch.equal(to_device(drawn, torch.device('cpu')), drawn)


@pytest.mark.skipif(not torch.cuda.is_available(), reason='needs a GPU')
def test_gpu():
    """The copy starts from pinned memory and arrives whole."""
    drawn = torch.rand(300, 200)
    torch.cuda.set_sync_debug_mode('error')
    try:
        moved = to_device(drawn, torch.device('cuda'))
    finally:
        torch.cuda.set_sync_debug_mode('default')
    assert torch.equal(moved.cpu(), drawn)
