import numpy as np
import pytest
from matplotlib.colors import to_hex

from mmpose_ext.visualization import new_figure
from mmpose_ext.visualization.embedding import draw_embedding

COLOURS = {'2D': '#00ff00', 'depth': '#ff00ff'}


def test_values():
    points = {'2D': np.zeros((3, 2)), 'depth': np.ones((2, 2))}
    ax = draw_embedding(new_figure().subplots(), points, colours=COLOURS)
    drawn = ax.collections[0]
    for place, colour in zip(
        drawn.get_offsets(), drawn.get_facecolors()[:, :3], strict=True
    ):
        assert to_hex(colour) == COLOURS['depth' if place[0] else '2D']
    assert len(drawn.get_offsets()) == 5
    assert ax.get_legend_handles_labels()[1] == ['2D', 'depth']


def test_invalid():
    ax = new_figure().subplots()
    with pytest.raises(ValueError, match='expected points'):
        draw_embedding(ax, {'2D': np.zeros((0, 2))}, colours=COLOURS)
    with pytest.raises(ValueError, match='a colour for each'):
        draw_embedding(ax, {'other': np.zeros((1, 2))}, colours=COLOURS)
