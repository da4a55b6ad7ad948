"""The command line that makes synthetic data."""

import pytest

from mmpose_ext.datasets.frame_store import FrameStore


@pytest.fixture(scope='module')
def tool(load_tool):
    return load_tool('make_synthetic_data')


def run(tool, out, *arguments):
    few = ('--subjects', '2', '--frames', '10', '--actions', 'walk', 'sit')
    tool.main(['human36m', str(out), *few, *arguments])


def test_writes_a_store_and_says_what_is_in_it(tool, tmp_path, capsys):
    out = tmp_path / 'data' / 'store'
    arguments = ('--sequences-per-action', '2', '--fps', '25', '--seed', '4')
    run(tool, out, *arguments, '--noise', '0.5')
    store = FrameStore(out, verify=True)
    assert len(store) == 2 * 2 * 2 * 4 * 10 and store.header['fps'] == 25
    made = store.header['synthetic']
    assert (made['seed'], made['noise'], made['num_subjects']) == (4, 0.5, 2)
    text = capsys.readouterr().out
    for words in (
        '32 sequences, 320 frames at 25 fps',
        'train: 160 frames of P01',
        'test: 160 frames of P02',
        'actions: sit, walk',
        '100%',
    ):
        assert words in text


def test_replaces_a_store_only_when_told(tool, tmp_path):
    out = tmp_path / 'store'
    run(tool, out)
    with pytest.raises(SystemExit, match=r'error: .* exists; choose another folder'):
        run(tool, out, '--seed', '1')
    assert FrameStore(out).header['synthetic']['seed'] == 0
    run(tool, out, '--seed', '1', '--overwrite')
    assert FrameStore(out).header['synthetic']['seed'] == 1


@pytest.mark.parametrize(
    ('arguments', 'words'),
    [
        (['--subjects', '1'], 'error: num_subjects=1; .* at least 2'),
        (['--frames', '0'], 'error: num_frames=0 must be positive'),
        (['--actions', 'fly'], 'error: actions=.*expected a list of names'),
    ],
)
def test_invalid(tool, tmp_path, arguments, words):
    with pytest.raises(SystemExit, match=words):
        tool.main(['human36m', str(tmp_path / 'store'), *arguments])
    assert not (tmp_path / 'store').exists()


def test_help_teaches(tool, capsys):
    with pytest.raises(SystemExit):
        tool.main(['--help'])
    assert 'make_synthetic_data.py human36m data/' in capsys.readouterr().out
    with pytest.raises(SystemExit):
        tool.main(['human36m', '--help'])
    text = capsys.readouterr().out
    assert 'examples:' in text and '--subjects 2 --frames 50' in text
    for option in ('--sequences-per-action', '--noise', '--overwrite', '--seed'):
        assert option in text
