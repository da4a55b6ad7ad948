import numpy as np
import pytest
import torch

from mmpose_ext.evaluation.functional import auc, auc_thresholds, pck


@pytest.mark.parametrize('leading', [(), (4,), (2, 3, 4)])
def test_shapes(leading):
    errors = torch.rand(*leading, 17)
    assert pck(errors, 0.15).shape == leading
    assert auc(errors).shape == leading


def test_values():
    errors = torch.tensor([[0.0, 0.1, 0.2, 0.3], [0.16, 0.1, 1, 1]])
    assert pck(errors, 0.15).tolist() == [0.5, 0.25]
    # Below 10, 15, ..., 150 mm: 29 of 31; the second joint fails everywhere.
    assert auc(torch.tensor([0.007, 0.2])).item() == pytest.approx(29 / 62)


@pytest.mark.parametrize('dtype', [torch.float32, torch.float64])
def test_the_threshold_itself_fails(dtype):
    errors = torch.tensor([0.15, 0.15 - 1e-6], dtype=dtype)
    assert pck(errors, 0.15).item() == 0.5
    limits = auc_thresholds()
    reached = auc(limits.to(dtype)[:, None]) * 31
    torch.testing.assert_close(reached, torch.arange(30, -1, -1, dtype=dtype))


def test_a_perfect_prediction_has_30_of_31():
    value = auc(torch.zeros(5, 17, dtype=torch.float64)) * 100
    torch.testing.assert_close(value, torch.full_like(value, 30 / 31 * 100))
    assert value[0].item() == pytest.approx(96.774, abs=1e-3)


def test_values_equal_a_loop_over_thresholds():
    errors = torch.rand(100, 17, dtype=torch.float64) * 0.3
    shares = [
        np.mean([[e < 5 * i / 1000 for e in frame] for frame in errors.tolist()], 1)
        for i in range(31)
    ]
    np.testing.assert_allclose(auc(errors).numpy(), np.mean(shares, 0), atol=1e-14)


def test_values_of_own_thresholds():
    errors = torch.tensor([1.0, 2.0, 4.0])
    assert auc(errors, torch.tensor([2.0, 4.0])).item() == pytest.approx(0.5)


def test_nan_is_never_correct():
    errors = torch.full((17,), torch.nan)
    assert pck(errors, 0.15).item() == 0 and auc(errors).item() == 0


@pytest.mark.parametrize('thresholds', [[], [2.0, 1.0], [[1.0, 2.0]]])
def test_invalid(thresholds):
    with pytest.raises(ValueError, match='ascending'):
        auc(torch.rand(17), torch.tensor(thresholds))
