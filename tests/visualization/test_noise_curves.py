import numpy as np
import pytest

from mmpose_ext.visualization import new_figure
from mmpose_ext.visualization.noise_curves import (
    NoiseCurve,
    draw_noise_curves,
    marker_sizes,
    readable_macs,
)


def curve(label, macs, *drops):
    return NoiseCurve(label, np.array([0.0, 5.0, 10.0]), np.array(drops), macs)


def test_size_shows_cost():
    sizes = marker_sizes([4e9, 1e9])
    assert sizes[0] == 2 * sizes[1], 'areas are proportional to the cost'
    assert marker_sizes([1e12, 1.0])[1] >= 4, 'none is too small to see'


def test_values(tmp_path):
    figure = new_figure(5, 4)
    ax = draw_noise_curves(
        figure.subplots(),
        [
            curve('PrML', 49.28e9, [0, 2, 6], [0, 4, 8]),
            curve('MotionBERT', 174.7e9, [0, 5, 9]),
        ],
        sigma_name='sigma',
        drop_name='drop',
    )
    first, second = ax.lines
    assert first.get_ydata().tolist() == [0, 3, 7], 'the mean over runs'
    assert second.get_ydata().tolist() == [0, 5, 9]
    assert first.get_markersize() < second.get_markersize()
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels == ['PrML (49.3 G MACs, 2 runs)', 'MotionBERT (175 G MACs)']
    (band,) = ax.collections
    low, high = band.get_paths()[0].vertices[:, 1].min(), 8
    assert low == 0 and band.get_paths()[0].vertices[:, 1].max() == high
    figure.savefig(tmp_path / 'curves.png')
    assert (tmp_path / 'curves.png').stat().st_size > 1000


def test_readable():
    assert readable_macs(174.751e9) == '175 G'
    assert readable_macs(41_300_000) == '41.3 M'


def test_invalid():
    with pytest.raises(ValueError, match='no curve'):
        draw_noise_curves(new_figure().subplots(), [], sigma_name='', drop_name='')
