import pytest

from mmpose_ext.visualization import new_figure
from mmpose_ext.visualization.bars import draw_grouped_bars


def test_values():
    values = {
        'PrML': {'2D': 10.0, 'depth': 30.0},
        'MixSTE': {'2D': 12.5, 'depth': 35.0},
    }
    ax = draw_grouped_bars(new_figure().subplots(), values, title='all')
    heights = [bar.get_height() for bar in ax.patches]
    assert heights == [10, 30, 12.5, 35]
    assert [label.get_text() for label in ax.get_xticklabels()] == ['2D', 'depth']
    assert [text.get_text() for text in ax.texts] == ['10.0', '30.0', '12.5', '35.0']
    left, _, right, _ = (bar.get_x() for bar in ax.patches)
    assert left < right, 'methods stand side by side'
    assert ax.get_legend_handles_labels()[1] == ['PrML', 'MixSTE']


def test_invalid():
    ax = new_figure().subplots()
    with pytest.raises(ValueError, match='at least one method'):
        draw_grouped_bars(ax, {})
    with pytest.raises(ValueError, match='the same categories'):
        draw_grouped_bars(ax, {'a': {'2D': 1.0}, 'b': {'depth': 1.0}})
