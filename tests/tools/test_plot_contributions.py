import json

import matplotlib.image
import plot_contributions as tool
import pytest


@pytest.fixture
def runs(tmp_path):
    """Folders of two runs."""
    rows = {'rgb': [9.0, 8.0], 'lidar': [3.0, 4.0]}
    content = {
        'modalities': list(rows),
        'profit': 'pearson',
        'epochs': [1, 2],
        'scores': rows,
        'errors': {name: [0.0, 0.0] for name in rows},
        'deviations_mm': rows,
    }
    folders = [tmp_path / name for name in ('concat', 'awc')]
    for folder in folders:
        folder.mkdir()
        (folder / 'contributions.json').write_text(json.dumps(content))
    return [str(folder) for folder in folders]


def test_values(runs, tmp_path, monkeypatch):
    shown = []
    draw = tool.draw_contribution_comparison

    def spy(figure, histories):
        shown.extend(histories)
        return draw(figure, histories)

    monkeypatch.setattr(tool, 'draw_contribution_comparison', spy)
    out = tmp_path / 'new' / 'contributions.png'
    tool.main([*runs, '--out', str(out)])
    assert shown == ['concat', 'awc']
    wide = matplotlib.image.imread(out).shape[1]
    tool.main([runs[0], '--out', str(out), '--labels', 'A'])
    assert shown[2:] == ['A']
    assert matplotlib.image.imread(out).shape[1] < wide


def test_invalid(runs, tmp_path):
    out = ['--out', str(tmp_path / 'x.png')]
    with pytest.raises(ValueError, match='2 runs need'):
        tool.main([*runs, *out, '--labels', 'A'])
    with pytest.raises(ValueError, match='not distinct'):
        tool.main([runs[0], runs[0], *out])
    with pytest.raises(FileNotFoundError, match=r'contributions\.json'):
        tool.main([str(tmp_path), *out])
    assert not (tmp_path / 'x.png').exists()
