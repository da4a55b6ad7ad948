import json

import numpy as np
import pytest

from mmpose_ext.visualization import (
    ContributionHistory,
    draw_contribution_comparison,
    draw_contributions,
    new_figure,
    read_contributions,
)


def content(errors=0.0, epochs=3):
    names = ['rgb', 'lidar', 'mmwave', 'wifi']
    rows = {name: [10.0 - 3 * i] * epochs for i, name in enumerate(names)}
    return {
        'modalities': names,
        'profit': 'pearson',
        'epochs': list(range(1, epochs + 1)),
        'scores': rows,
        'errors': {name: [errors] * epochs for name in names},
        'deviations_mm': rows,
    }


def test_values(tmp_path):
    figure = draw_contributions(new_figure(), ContributionHistory.of(content()))
    upper, lower = figure.axes
    labels = [text.get_text() for text in upper.get_legend().get_texts()]
    assert labels == ['rgb', 'lidar', 'mmwave', 'wifi']
    assert upper.lines[1].get_xydata().tolist() == [[1, 7], [2, 7], [3, 7]]
    assert lower.lines[0].get_color() == upper.lines[0].get_color()
    assert not upper.collections, 'exact values have no band'
    figure.savefig(tmp_path / 'contributions.png')
    assert (tmp_path / 'contributions.png').stat().st_size > 1000


def test_standard_errors():
    history = ContributionHistory.of(content(errors=0.5))
    upper = draw_contributions(new_figure(), history).axes[0]
    assert len(upper.collections) == 4
    band = upper.collections[0].get_paths()[0].vertices[:, 1]
    assert np.ptp(band) == 1.0


def test_runs_side_by_side():
    one = ContributionHistory.of(content())
    twice = one._replace(scores={n: 2 * s for n, s in one.scores.items()})
    axes = draw_contribution_comparison(new_figure(), {'A': one, 'B': twice}).axes
    assert [ax.get_title() for ax in axes[:2]] == ['A', 'B']
    assert axes[1].lines[0].get_ydata().tolist() == [20, 20, 20]
    assert axes[0].get_ylim() == axes[1].get_ylim()
    assert axes[1].get_legend() is None
    with pytest.raises(ValueError, match='same profit'):
        draw_contribution_comparison(
            new_figure(), {'A': one, 'B': one._replace(profit='mse')}
        )


def test_read(tmp_path):
    (tmp_path / 'contributions.json').write_text(json.dumps(content()))
    assert read_contributions(tmp_path).epochs.tolist() == [1, 2, 3]
    with pytest.raises(FileNotFoundError, match='ShapleyContributionHook'):
        read_contributions(tmp_path / 'elsewhere')
    (tmp_path / 'contributions.json').write_text('{"epochs": []}')
    with pytest.raises(ValueError, match="KeyError 'modalities'"):
        read_contributions(tmp_path / 'contributions.json')


def test_invalid():
    with pytest.raises(ValueError, match='no epoch'):
        draw_contributions(new_figure(), ContributionHistory.of(content(epochs=0)))
