import numpy as np
import pytest

from mmpose_ext.visualization import ViewHeatmaps, draw_heatmap_panels, new_figure


def view(title, height=1.0):
    heatmaps = np.zeros((2, 16, 12), np.float32)
    heatmaps[0, 5, 3] = height
    image = np.full((64, 48, 3), 128, np.uint8)
    return ViewHeatmaps(title, image, heatmaps)


def test_values(tmp_path):
    people = [[view('easy'), view('hard', 0.6)], [view('easy'), view('hard', 0.2)]]
    figure = draw_heatmap_panels(new_figure(), people)
    axes = np.array(figure.axes).reshape(2, 4)
    titles = [ax.get_title() for ax in axes[0]]
    assert titles == ['easy', 'heatmaps', 'hard', 'heatmaps']
    heights = [ax.get_xlabel() for ax in axes[:, 3]]
    assert heights == ['mean height 0.30', 'mean height 0.10']
    assert [len(ax.images) for ax in axes[0]] == [1, 2, 1, 2]
    figure.savefig(tmp_path / 'panels.png')


def test_heatmaps_lie_on_the_image():
    """Heatmap pixel (3, 5) is image pixel (12, 20), whatever the size of the axes."""
    figure = draw_heatmap_panels(new_figure(), [[view('easy')]])
    ax = figure.axes[1]
    left, right, bottom, top = ax.images[1].get_extent()
    data = ax.images[1].get_array()
    height, width = data.shape
    y, x = np.unravel_index(data.argmax(), data.shape)
    assert left + (x + 0.5) * (right - left) / width == 12
    assert top + (y + 0.5) * (bottom - top) / height == 20
    assert ax.get_xlim() == (-0.5, 47.5) and ax.get_ylim() == (63.5, -0.5)


def test_invalid():
    with pytest.raises(ValueError, match='same number'):
        draw_heatmap_panels(new_figure(), [[view('a')], [view('a'), view('b')]])
    with pytest.raises(ValueError, match='same number'):
        draw_heatmap_panels(new_figure(), [])
