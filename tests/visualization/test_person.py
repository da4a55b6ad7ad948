import numpy as np

from mmpose_ext.visualization.curves import new_figure
from mmpose_ext.visualization.person import draw_person

IMAGE = np.full((40, 60, 3), 128, np.uint8)
JOINTS = np.array([[10.0, 10], [30, 20], [500, 500]])


def test_values():
    figure = draw_person(
        new_figure(),
        IMAGE,
        keypoints=JOINTS,
        visible=np.array([1, 1, 0]),
        edges=[(0, 1), (1, 2)],
        outline=np.array([[0, 0], [59, 0], [59, 39]]),
        title='somebody',
    )
    (ax,) = figure.axes
    bones, outline = ax.lines[:-1], ax.lines[-1]
    assert len(bones) == 1
    np.testing.assert_array_equal(bones[0].get_xydata(), JOINTS[:2])
    np.testing.assert_array_equal(outline.get_xydata()[0], outline.get_xydata()[-1])
    np.testing.assert_array_equal(ax.collections[0].get_offsets(), JOINTS[:2])
    assert ax.get_xlim() == (-0.5, 59.5) and ax.get_ylim() == (39.5, -0.5)
    assert ax.get_title() == 'somebody'


def test_without_joints():
    figure = draw_person(new_figure(), IMAGE)
    assert not figure.axes[0].lines and not figure.axes[0].collections
