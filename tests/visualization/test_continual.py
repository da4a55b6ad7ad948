import numpy as np
import pytest

from mmpose_ext.evaluation.functional.loss_mixture import separate_losses
from mmpose_ext.visualization import (
    LossFit,
    draw_average_error,
    draw_error_matrix,
    draw_forgetting,
    draw_loss_mixture,
    draw_task_errors,
    new_figure,
)
from mmpose_ext.visualization.continual import task_labels

ERRORS = np.array([[50.0, 90, np.nan], [70, 40, 80], [80, 60, 30]])
LABELS = ['A02\nA03', 'A04\nA05', 'A06']


def losses(gap, seed=0, clean=800, noisy=200):
    """Losses of clean and noisy samples whose means are apart by ``gap``."""
    rng = np.random.default_rng(seed)
    values = rng.normal(0.05, 0.01, clean + noisy)
    truth = np.arange(clean + noisy) >= clean
    mixture = separate_losses(values + gap * truth)
    return LossFit(mixture.normalised, truth, mixture.gaussians)


def test_task_labels():
    assert task_labels([('A02', 'A03'), ['A04', 'A05'], ['A06']]) == LABELS


def test_error_matrix():
    ax = draw_error_matrix(new_figure().subplots(), ERRORS, labels=LABELS, title='ours')
    texts = {text.get_position(): text for text in ax.texts}
    assert len(texts) == 8, 'NaN stays empty'
    assert texts[0, 2].get_text() == '80', 'on task 1 after task 3: row 3, column 1'
    assert texts[1, 1].get_fontweight() == 'bold'
    assert texts[1, 0].get_color() == 'white' and texts[2, 2].get_color() == 'black'
    assert ax.images[0].get_clim() == (30, 90)
    assert [label.get_text() for label in ax.get_yticklabels()] == LABELS
    ax = draw_error_matrix(
        new_figure().subplots(), ERRORS, labels=LABELS, limits=(0, 200)
    )
    assert ax.images[0].get_clim() == (0, 200)
    assert {text.get_color() for text in ax.texts} == {'black'}


def test_average_error():
    runs = {'naive': ERRORS[None] + 10, 'ours': np.stack([ERRORS, ERRORS + 2])}
    ax = draw_average_error(new_figure().subplots(), runs, labels=LABELS)
    one, two = (line.get_ydata() for line in ax.lines)
    np.testing.assert_allclose(one, [60, 65, 200 / 3])
    np.testing.assert_allclose(two, [51, 56, 170 / 3 + 1])
    names = ax.get_legend_handles_labels()[1]
    assert names == ['naive', 'ours, 2 runs']
    (band,) = ax.collections
    heights = band.get_paths()[0].vertices[:, 1]
    assert heights.min() == 50 and heights.max() == pytest.approx(170 / 3 + 2)
    assert ax.get_ylim()[0] == 0


def test_many_methods_can_be_told_apart():
    runs = {str(number): ERRORS[None] for number in range(9)}
    ax = draw_average_error(new_figure().subplots(), runs, labels=LABELS)
    looks = {(line.get_color(), line.get_marker()) for line in ax.lines}
    assert len(looks) == len({colour for colour, _ in looks}) + 1 == 9


def test_task_errors():
    runs = {'ours': np.stack([ERRORS, ERRORS + 2])}
    last, own = (
        draw_task_errors(new_figure().subplots(), runs, labels=LABELS, when=when)
        for when in ('last', 'own')
    )
    assert last.lines[0].get_ydata().tolist() == [81, 61, 31]
    assert own.lines[0].get_ydata().tolist() == [51, 41, 31]
    assert last.get_title() == 'after the last task' != own.get_title()


def test_forgetting():
    worse = ERRORS.copy()
    worse[2, :2] += 10
    runs = {'naive': ERRORS[None], 'ours': np.stack([ERRORS, worse])}
    ax = draw_forgetting(new_figure().subplots(), runs, labels=LABELS)
    assert [line.get_ydata().tolist() for line in ax.lines] == [[30, 20], [35, 25]]
    (band,) = ax.collections
    heights = band.get_paths()[0].vertices[:, 1]
    assert (heights.min(), heights.max()) == (20, 40)
    labels = [label.get_text() for label in ax.get_xticklabels()]
    assert labels == LABELS[:2]


def test_loss_mixture(tmp_path):
    fits = {'without gradient stop': losses(0.04), 'with gradient stop': losses(0.08)}
    figure = draw_loss_mixture(new_figure(9, 3.5), fits)
    figure.savefig(tmp_path / 'losses.png')
    assert [ax.get_title() for ax in figure.axes] == list(fits)
    (legend,) = figure.legends
    names = [text.get_text() for text in legend.get_texts()]
    assert sorted(names) == [
        *('clean samples', 'high component', 'low component', 'noisy samples'),
    ]
    for ax in figure.axes:
        width = ax.patches[0].get_width()
        area = width * sum(bar.get_height() for bar in ax.patches)
        assert area == pytest.approx(1)
        highest = max(bar.get_height() for bar in ax.patches)
        assert ax.get_ylim() == figure.axes[0].get_ylim()
        assert ax.get_ylim()[0] == 0 and ax.get_ylim()[1] > highest
    noisy = figure.axes[1].containers[1]
    share = sum(bar.get_height() for bar in noisy) * noisy[0].get_width()
    assert share == pytest.approx(0.2)
    grid, low = figure.axes[1].lines[0].get_data()
    assert np.trapezoid(low, grid) == pytest.approx(0.8, abs=0.02)
    assert grid[low.argmax()] == pytest.approx(
        fits['with gradient stop'].losses[:800].mean(), abs=0.01
    )


def test_losses_of_one_kind(tmp_path):
    fit = LossFit(np.zeros(5), np.zeros(5, dtype=bool), None)
    figure = draw_loss_mixture(new_figure(), {'all equal': fit})
    figure.savefig(tmp_path / 'equal.png')
    assert all(np.isnan(line.get_ydata()).all() for line in figure.axes[0].lines)


def test_invalid():
    ax = new_figure().subplots()
    with pytest.raises(ValueError, match=r'2 x 2 matrix'):
        draw_error_matrix(ax, ERRORS, labels=LABELS[:2])
    with pytest.raises(ValueError, match='with numbers in it'):
        draw_error_matrix(ax, np.full((3, 3), np.nan), labels=LABELS)
    for plot in (draw_average_error, draw_task_errors, draw_forgetting):
        with pytest.raises(ValueError, match=r'\(R, 3, 3\)'):
            plot(ax, {}, labels=LABELS)
        with pytest.raises(ValueError, match=r'\(R, 3, 3\)'):
            plot(ax, {'ours': ERRORS}, labels=LABELS)
    with pytest.raises(ValueError, match='when'):
        draw_task_errors(ax, {'ours': ERRORS[None]}, labels=LABELS, when='first')
    with pytest.raises(ValueError, match='two tasks'):
        draw_forgetting(ax, {'ours': ERRORS[None, :1, :1]}, labels=LABELS[:1])
    with pytest.raises(ValueError, match='no losses'):
        draw_loss_mixture(new_figure(), {})
