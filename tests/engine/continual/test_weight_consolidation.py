"""Fisher information over tasks."""

import pytest
import torch

from mmpose_ext.engine.continual.weight_consolidation import WeightConsolidation


def test_values():
    new = {'encoders.wifi.w': torch.tensor(1.0), 'head.w': torch.tensor(1.0)}
    old = {'encoders.wifi.w': torch.tensor(5.0), 'head.w': torch.tensor(5.0)}

    def values(noisy, **options):
        combined = WeightConsolidation(**options).combine(new, old, noisy)
        return [value.item() for value in combined.values()]

    assert values('wifi') == pytest.approx([0.3 * 1 + 0.7 * 5, 1])
    assert values('rgb') == [1, 1]
    assert values('wifi', adaptive=False) == [1, 1]
    assert values(None, others='accumulate') == [6, 6]
    assert values(None, others='accumulate', decay=0.5) == [3.5, 3.5]
    assert WeightConsolidation().combine(new, None, 'wifi') == new
    assert values('wifi', others='accumulate', decay=0.5) == pytest.approx(
        [0.3 * 1 + 0.7 * 5, 1 + 0.5 * 5]
    )


@pytest.mark.parametrize(
    'options',
    [
        dict(others='add'),
        dict(beta=2),
        dict(weight=-1),
        dict(estimator='batches'),
        dict(num_batches=0),
        dict(chunk_size=0),
    ],
    ids=str,
)
def test_invalid(options):
    with pytest.raises(ValueError, match='consolidation'):
        WeightConsolidation(**options)


def test_decay_needs_something_to_act_on():
    for options in (dict(), dict(adaptive=False), dict(others='replace')):
        with pytest.raises(ValueError, match=r"decay=0\.9 .*set others='accumulate'"):
            WeightConsolidation(decay=0.9, **options)
    assert WeightConsolidation(decay=1.0, others='replace').decay == 1
