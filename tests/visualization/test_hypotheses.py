import numpy as np
import pytest
from matplotlib.colors import same_color, to_hex

from mmpose_ext.geometry import H36M17
from mmpose_ext.visualization.curves import new_figure
from mmpose_ext.visualization.hypotheses import (
    CHOSEN_COLOUR,
    MUTED_COLOURS,
    TRUTH_COLOUR,
    Hypotheses,
    draw_hypotheses,
)

EDGES = H36M17.edges


@pytest.fixture
def poses():
    """Three frames of four hypotheses, and a truth."""
    rng = np.random.default_rng(0)
    truth = rng.uniform(-0.7, 0.7, (3, 17, 3))
    truth -= truth[:, :1]
    return truth[:, None] + rng.normal(0, 0.05, (3, 4, 17, 3)), truth


def draw(poses, chosen=(2, 0, 3), **options):
    found = Hypotheses(poses, np.array(chosen), [f'note {i}' for i in range(3)])
    options = dict(edges=EDGES, titles=['a', 'b', 'c']) | options
    keypoints = poses[:, 0, :, :2]
    return draw_hypotheses(
        new_figure(), keypoints, {'first': found, 'second': found}, **options
    )


def lines(ax, colour):
    """Bones of a colour in the order of drawing, ``(..., 2, 2)``."""
    bones = [line for line in ax.lines if line.get_marker() == 'None']
    found = [b.get_xydata() for b in bones if same_color(b.get_color(), colour)]
    return np.array(found)


def test_grid(poses):
    figure = draw(poses[0], truth=poses[1])
    axes = np.array(figure.axes).reshape(3, 5)
    titles = [ax.get_title() for ax in axes[0]]
    assert titles == [
        '2D input',
        'first\nas the camera sees it',
        'first\nfrom the side',
        'second\nas the camera sees it',
        'second\nfrom the side',
    ]
    assert [ax.get_ylabel() for ax in axes[:, 0]] == ['a', 'b', 'c']
    assert [ax.get_xlabel() for ax in axes[1]] == ['', 'note 1', '', 'note 1', '']
    texts = [text.get_text() for text in figure.legends[0].get_texts()]
    assert texts == ['hypotheses', 'chosen by reprojection', 'true pose']


def test_colours(poses):
    """One red skeleton, over the muted ones, below the dashed truth."""
    figure = draw(poses[0], truth=poses[1], azimuths=(0.0,))
    ax = np.array(figure.axes).reshape(3, 3)[0, 1]
    assert len(lines(ax, CHOSEN_COLOUR)) == len(EDGES)
    for number in (0, 1, 3):
        assert len(lines(ax, MUTED_COLOURS[number])) == len(EDGES)
    assert not len(lines(ax, MUTED_COLOURS[2])), 'that one is red'
    order = list(dict.fromkeys(to_hex(line.get_color()) for line in ax.lines))
    assert order[-2:] == [CHOSEN_COLOUR, TRUTH_COLOUR]
    assert [line.get_linestyle() for line in ax.lines[-2:]] == ['--', 'None']


def test_views(poses):
    """From the camera x and y are seen, from the side z and y; y grows downwards."""
    hypotheses, truth = poses
    figure = draw(hypotheses, truth=truth)
    axes = np.array(figure.axes).reshape(3, 5)
    for row, chosen in enumerate((2, 0, 3)):
        pose = hypotheses[row, chosen]
        for ax, seen in ((axes[row, 1], 0), (axes[row, 2], 2)):
            bones = lines(ax, CHOSEN_COLOUR)
            expected = np.array([pose[list(edge), seen] for edge in EDGES])
            expected -= pose[0, seen]
            np.testing.assert_allclose(bones[..., 0] - bones[0, 0, 0], expected)
            low, high = ax.get_ylim()
            assert low > high
    sides = {round(np.ptp(ax.get_xlim()), 9) for ax in axes[0, 1:]}
    assert len(sides) == 1, 'one scale in a row'


def test_everything_is_visible(poses):
    figure = draw(3 * poses[0], truth=poses[1])
    for ax in figure.axes:
        points = np.concatenate([line.get_xydata() for line in ax.lines])
        (left, right), (bottom, top) = ax.get_xlim(), ax.get_ylim()
        assert left < points[:, 0].min() and points[:, 0].max() < right
        assert top < points[:, 1].min() and points[:, 1].max() < bottom


def test_unknown_truth(poses):
    """Joints without truth leave gaps; without any there is no entry in the legend."""
    hypotheses, truth = poses
    truth = truth.copy()
    truth[:, 16] = np.nan
    figure = draw(hypotheses, truth=truth, azimuths=(90.0,))
    bones = lines(np.array(figure.axes).reshape(3, 3)[0, 1], TRUTH_COLOUR)
    assert np.isfinite(bones).all(axis=(1, 2)).sum() == len(EDGES) - 1
    for nothing in (None, np.full_like(truth, np.nan)):
        figure = draw(hypotheses, truth=nothing)
        assert len(figure.legends[0].get_texts()) == 2
        figure.canvas.draw()


def test_invalid(poses):
    hypotheses, truth = poses
    with pytest.raises(ValueError, match=r'fit keypoints \(3, 17, 2\)'):
        draw(hypotheses[:, 0, None, :, :2])
    with pytest.raises(ValueError, match='truth has shape'):
        draw(hypotheses, truth=truth[:2])
    with pytest.raises(ValueError, match='at least one view'):
        draw(hypotheses, azimuths=())
    with pytest.raises(ValueError, match='at least one lifter'):
        draw_hypotheses(
            new_figure(), truth[..., :2], {}, edges=EDGES, titles=['a', 'b', 'c']
        )
