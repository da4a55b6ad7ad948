import matplotlib.pyplot as plt
import numpy as np
import pytest

from mmpose_ext.visualization import (
    camera_to_plot_axes,
    draw_input_and_target,
    draw_pose_pairs,
    new_figure,
)

EDGES = ((0, 1), (1, 2))


def lines_of(ax):
    return [np.array(line.get_data_3d()).T for line in ax.lines]


def test_axes():
    """Right stays right, down becomes down, what is far lies behind."""
    right, down, forward = camera_to_plot_axes(np.eye(3))
    assert right.tolist() == [1, 0, 0]
    assert down.tolist() == [0, 0, -1]
    assert forward.tolist() == [0, 1, 0]


def test_pairs():
    rng = np.random.default_rng(0)
    truth = rng.normal(size=(2, 3, 3))
    shift = np.array([0.0, 0.05, 0.0])
    figure = draw_pose_pairs(
        new_figure(), truth + shift, truth, edges=EDGES, titles=['a', 'b']
    )
    assert len(figure.axes) == 4
    upper, lower = figure.axes[:2]
    assert upper.get_title() == 'a\ntruth'
    assert lower.get_title() == 'prediction: 50 mm'
    expected = camera_to_plot_axes(truth[0])[[0, 1]]
    np.testing.assert_allclose(lines_of(upper)[0], expected)
    drawn = lines_of(lower)
    np.testing.assert_allclose(drawn[0], expected, err_msg='the truth, in grey')
    np.testing.assert_allclose(drawn[3], expected - [0, 0, 0.05])
    spans = {round(np.ptp(ax.get_zlim()), 9) for ax in figure.axes}
    assert len(spans) == 1, 'all poses at the same scale'
    assert np.isclose(np.ptp(upper.get_xlim()), np.ptp(upper.get_zlim()))


def test_input_beside_target(tmp_path):
    open_before = plt.get_fignums()
    keypoints = np.array([[10.0, 20.0], [10.0, 40.0], [30.0, 40.0]])
    pose = np.random.default_rng(0).normal(size=(3, 3))
    figure = draw_input_and_target(
        new_figure(6, 3), keypoints, pose, edges=EDGES, image_size=(100, 50)
    )
    flat = figure.axes[0]
    assert flat.get_xlim() == (0, 100) and flat.get_ylim() == (50, 0)
    np.testing.assert_allclose(flat.lines[0].get_xydata(), keypoints[:2])
    figure.savefig(tmp_path / 'sample.png')
    assert (tmp_path / 'sample.png').stat().st_size > 1000
    assert plt.get_fignums() == open_before, 'pyplot knows nothing of it'


def test_invalid():
    with pytest.raises(ValueError, match=r'\(2, 3, 3\) and \(1, 3, 3\)'):
        draw_pose_pairs(
            new_figure(), np.zeros((2, 3, 3)), np.zeros((1, 3, 3)), edges=EDGES
        )
