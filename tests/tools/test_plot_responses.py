import json
import shutil

import matplotlib.image
import plot_responses as tool
import pytest


@pytest.fixture
def runs(tmp_path):
    """Folders of two runs."""
    content = {
        **{name: [0.2, 0.5, 0.7] for name in ('labelled', 'teacher', 'student')},
        'steps': [50, 100, 150],
        'rho': [None, 0.8, 0.7],
        'flag': [None, 0.4, 0.4],
        'events': [],
        'metric': 'mean/AP',
        'validation': [[150, 0.2]],
    }
    folders = [tmp_path / name for name in ('naive', 'dual')]
    for folder in folders:
        folder.mkdir()
        (folder / 'collapse.json').write_text(json.dumps(content))
    return [str(folder) for folder in folders]


def test_values(runs, tmp_path, monkeypatch):
    shown = {}
    draw = tool.draw_response_comparison

    def spy(figure, histories, **options):
        shown.update(histories)
        return draw(figure, histories, **options)

    monkeypatch.setattr(tool, 'draw_response_comparison', spy)
    out = tmp_path / 'new' / 'responses.png'
    tool.main([*runs, '--out', str(out)])
    assert list(shown) == ['naive', 'dual']
    assert shown['dual'].teacher.tolist() == [0.2, 0.5, 0.7]
    assert matplotlib.image.imread(out).shape[2] == 4
    shown.clear()
    files = [f'{run}/collapse.json' for run in runs]
    tool.main([*files, '--out', str(out), '--labels', 'A', 'B', '--columns', '1'])
    assert list(shown) == ['A', 'B']
    shown.clear()
    kept = tmp_path / 'results' / 'responses'
    kept.mkdir(parents=True)
    for run in ('naive', 'dual'):
        shutil.copy(tmp_path / run / 'collapse.json', kept / f'{run}_seed0.json')
    tool.main([*map(str, sorted(kept.iterdir())), runs[0], '--out', str(out)])
    assert list(shown) == ['dual_seed0', 'naive_seed0', 'naive']
    tool.main([*files, '--out', str(out)])
    assert list(shown)[-2:] == ['naive', 'dual']


def test_invalid(runs, tmp_path):
    out = ['--out', str(tmp_path / 'x.png')]
    with pytest.raises(ValueError, match='2 runs need'):
        tool.main([*runs, *out, '--labels', 'A'])
    with pytest.raises(ValueError, match='not distinct'):
        tool.main([runs[0], runs[0], *out])
    with pytest.raises(FileNotFoundError, match=r'collapse\.json'):
        tool.main([str(tmp_path), *out])
    with pytest.raises(SystemExit):
        tool.main([*runs, *out, '--columns', '0'])
    assert not (tmp_path / 'x.png').exists()
