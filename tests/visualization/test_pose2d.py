import numpy as np
import pytest

from mmpose_ext.visualization import new_figure
from mmpose_ext.visualization.pose2d import draw_pose_rows
from mmpose_ext.visualization.pose3d import TRUTH_COLOUR

EDGES = ((0, 1), (1, 2))


def test_values(tmp_path):
    truth = np.random.default_rng(0).uniform(100, 300, (2, 3, 2))
    others = {'input': truth + [3, 4], 'PrML': truth}
    figure = draw_pose_rows(
        new_figure(6, 4), truth, others, edges=EDGES, titles=['a', 'b']
    )
    assert len(figure.axes) == 6
    titles = [ax.get_title() for ax in figure.axes]
    assert titles == ['ground truth', 'input', 'PrML', '', '', '']
    assert [ax.get_xlabel() for ax in figure.axes[:3]] == ['', '5.0 px', '0.0 px']
    below, *_, above = figure.axes[1].lines[: len(EDGES) + 2]
    assert below.get_color() == TRUTH_COLOUR
    np.testing.assert_allclose(below.get_xydata(), truth[0, :2])
    np.testing.assert_allclose(above.get_xydata(), truth[0, :2] + [3, 4])
    low, high = figure.axes[0].get_ylim()
    assert low > high, 'y points down'
    figure.savefig(tmp_path / 'rows.png')
    assert (tmp_path / 'rows.png').stat().st_size > 1000


def test_invalid():
    truth = np.zeros((1, 3, 2))
    with pytest.raises(ValueError, match=r'\(1, 3, 2\).*input'):
        draw_pose_rows(
            new_figure(), truth, {'input': truth[:, :2]}, edges=EDGES, titles=['a']
        )
    with pytest.raises(ValueError, match='at least one frame'):
        draw_pose_rows(new_figure(), truth[:0], {}, edges=EDGES, titles=[])
