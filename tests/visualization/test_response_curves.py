import json

import numpy as np
import pytest

from mmpose_ext.visualization import (
    ResponseHistory,
    draw_response_comparison,
    draw_responses,
    new_figure,
    read_responses,
)


def content(top=0.7, **changes):
    steps = list(range(50, 501, 50))
    return {
        'steps': steps,
        'labelled': [top] * 10,
        'teacher': [top / 2] * 10,
        'student': [top / 3] * 10,
        'rho': [None] * 4 + [0.5] * 6,
        'flag': [None] * 4 + [0.3] * 6,
        'events': [[400, 'collapse'], [450, 'recovery']],
        'metric': 'mean/AP',
        'validation': [[250, 0.2], [500, 0.3]],
        **changes,
    }


def test_values(tmp_path):
    history = ResponseHistory.of(content())
    assert np.isnan(history.rho[:4]).all() and history.rho[4] == 0.5
    figure = draw_responses(new_figure(), history)
    upper, lower, metric = figure.axes
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels[0] == 'labelled images' and labels[-1] == 'mean/AP (right)'
    assert [line.get_ydata()[0] for line in upper.lines[:3]] == [0.7, 0.35, 0.7 / 3]
    assert metric.lines[0].get_xydata().tolist() == [[250, 0.2], [500, 0.3]]
    assert [line.get_xdata()[0] for line in lower.lines[2:]] == [400, 450]
    assert lower.get_xlim() == upper.get_xlim()
    figure.savefig(tmp_path / 'one.png')


def test_without_validation():
    figure = draw_responses(
        new_figure(), ResponseHistory.of(content(validation=[], metric=None))
    )
    assert len(figure.axes) == 2


def test_comparison(tmp_path):
    runs = {
        'a': ResponseHistory.of(content()),
        'b': ResponseHistory.of(content(top=1.4)),
        'c': ResponseHistory.of(content(validation=[[500, 0.6]])),
    }
    figure = draw_response_comparison(new_figure(), runs, columns=2)
    shown = [ax for ax in figure.axes if ax.get_title()]
    assert [ax.get_title() for ax in shown] == ['a', 'b', 'c']
    assert len({ax.get_ylim() for ax in shown}) == 1, 'one height for all'
    assert shown[0].get_ylim()[1] == pytest.approx(1.47)
    twins = figure.axes[4:]
    assert [ax.get_ylabel() for ax in twins] == ['', 'mean/AP', 'mean/AP']
    assert {round(ax.get_ylim()[1], 6) for ax in twins} == {0.66}
    (legend,) = figure.legends
    assert len(legend.get_texts()) == 4
    figure.savefig(tmp_path / 'all.png')


def test_invalid(tmp_path):
    with pytest.raises(ValueError, match='no responses'):
        draw_response_comparison(new_figure(), {})
    with pytest.raises(FileNotFoundError, match='CollapseMonitorHook'):
        read_responses(tmp_path)
    file = tmp_path / 'collapse.json'
    for text in ('[1]', '{}', 'x'):
        file.write_text(text)
        with pytest.raises(ValueError, match=r'no collapse\.json'):
            read_responses(file)
    file.write_text(json.dumps(content()))
    assert read_responses(tmp_path).metric == 'mean/AP'
