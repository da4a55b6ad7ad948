import numpy as np
import pytest
from matplotlib.colors import same_color

from mmpose_ext.geometry import H36M17
from mmpose_ext.visualization.curves import new_figure
from mmpose_ext.visualization.pose3d import TRUTH_COLOUR
from mmpose_ext.visualization.pose_comparison import (
    CIRCLE_COLOUR,
    better_joints,
    draw_pose_comparison,
)

EDGES = H36M17.edges


@pytest.fixture
def poses():
    """Two frames; the first method is 60 mm off at two joints, the second nowhere."""
    truth = np.random.default_rng(0).uniform(-0.7, 0.7, (2, 17, 3)) + [0.0, 0.0, 3.0]
    first = truth.copy()
    first[0, [3, 16], 1] += 0.06
    return truth, first, truth.copy()


def draw(poses, **options):
    options = dict(labels=('one', 'other'), margin=0.02, titles=['a', 'b']) | options
    return draw_pose_comparison(new_figure(), *poses, edges=EDGES, **options)


def circles_of(ax):
    """Circled places in the picture ``(N, 2)``."""
    lines = [x for x in ax.lines if same_color(x.get_markeredgecolor(), CIRCLE_COLOUR)]
    return np.concatenate([line.get_xydata() for line in lines])


def bones_of(ax, *, dashed):
    bones = [line for line in ax.lines if line.get_marker() == 'None']
    of_truth = [same_color(line.get_color(), TRUTH_COLOUR) for line in bones]
    return np.array(
        [
            b.get_xydata()
            for b, grey in zip(bones, of_truth, strict=True)
            if grey == dashed
        ]
    )


def test_better_joints():
    """The margin is on the difference of errors, and must be exceeded."""
    truth = np.zeros((1, 4, 3))
    first, second = truth.copy(), truth.copy()
    first[0, :, 0] = [0.5, 0.5, 0.1, 0.75]
    second[0, :, 1] = [0.25, 0.1, 0.5, 0.5]
    assert better_joints(first, second, truth, 0.25).tolist() == [
        [False, True, False, False]
    ]
    assert better_joints(second, first, truth, 0.25).tolist() == [
        [False, False, True, False]
    ]


def test_grid(poses):
    figure = draw(poses)
    axes = np.array(figure.axes).reshape(3, 2)
    assert [ax.get_ylabel() for ax in axes[:, 0]] == ['truth', 'one', 'other']
    assert [ax.get_title() for ax in axes[0]] == ['a', 'b']
    labels = [[ax.get_xlabel() for ax in row] for row in axes]
    assert labels == [['', ''], ['7 mm', '0 mm'], ['0 mm', '0 mm']]
    texts = [text.get_text() for text in figure.legends[0].get_texts()]
    assert texts == ['true pose', 'other better by more than 20 mm']
    assert len({ax.get_xlim() for ax in axes[:, 0]}) == 1, 'one scale'


def test_circles(poses):
    """In both methods, where each of them has the joint; none in the truth."""
    truth, first, second = np.array(draw(poses, azimuth=0.0).axes).reshape(3, 2)
    assert not any(
        same_color(line.get_markeredgecolor(), CIRCLE_COLOUR) for line in truth[0].lines
    )
    for ax, pred in ((first[0], poses[1]), (second[0], poses[2])):
        found = circles_of(ax)
        assert len(found) == 2
        # Without a turn, x is the camera's.
        expected = pred[0, [3, 16], 0] - poses[0][0, 0, 0]
        np.testing.assert_allclose(found[:, 0] - 0.5, expected, atol=1e-9)
    down = circles_of(first[0])[:, 1] - circles_of(second[0])[:, 1]
    np.testing.assert_allclose(down, 0.06 * np.cos(np.radians(8.0)), atol=1e-9)
    assert not len(circles_of(first[1])) and not len(circles_of(second[1]))


def test_truth_lies_below(poses):
    truth, first, _ = np.array(draw(poses).axes).reshape(3, 2)
    expected = bones_of(truth[0], dashed=False)
    assert len(expected) == len(EDGES) and not len(bones_of(truth[0], dashed=True))
    np.testing.assert_allclose(bones_of(first[0], dashed=True), expected)
    assert not np.allclose(bones_of(first[0], dashed=False), expected)


def test_invalid(poses):
    truth, first, _ = poses
    for wrong in ((truth, first, first[:1]), (truth[:0], first[:0], first[:0])):
        with pytest.raises(ValueError, match='same shape'):
            draw(wrong)
