"""The command line that makes synthetic data."""

import json

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


def take_pictures(tool, out, *arguments):
    few = ('--images', '2', '--val-images', '1', '--size', '64x48')
    tool.main(['coco', str(out), *few, *arguments])


def test_coco_writes_pictures_and_says_what_is_in_them(tool, tmp_path, capsys):
    out = tmp_path / 'data' / 'pictures'
    options = ('--max-people', '1', '--occlusion', '0', '--seed', '3')
    take_pictures(tool, out, *options)
    made = json.loads((out / 'synthetic.json').read_text())
    assert (made['size'], made['max_people'], made['seed']) == ([64, 48], 1, 3)
    assert made['occlusion'] == 0
    assert len(list((out / 'train2017').iterdir())) == 2
    text = capsys.readouterr().out
    for words in (
        'pictures of 64x48 pixels',
        'train2017: 2 pictures, 2 people, ',
        'val2017: 1 pictures, 1 people, ',
        'ms a picture',
        '100%',
    ):
        assert words in text


def test_coco_replaces_a_set_only_when_told(tool, tmp_path):
    out = tmp_path / 'set'
    take_pictures(tool, out)
    with pytest.raises(SystemExit, match=r'error: .* exists; choose another folder'):
        take_pictures(tool, out, '--seed', '1')
    take_pictures(tool, out, '--seed', '1', '--overwrite')
    assert json.loads((out / 'synthetic.json').read_text())['seed'] == 1


@pytest.mark.parametrize(
    ('arguments', 'words'),
    [
        (['--images', '0'], 'error: num_images=0; expected 1 to'),
        (['--size', '8x8'], r'error: size=\(8, 8\); expected \(width, height\)'),
        (['--workers', '0'], 'error: num_workers=0'),
    ],
)
def test_coco_invalid(tool, tmp_path, arguments, words):
    with pytest.raises(SystemExit, match=words):
        take_pictures(tool, tmp_path / 'set', *arguments)
    assert not (tmp_path / 'set').exists()


def test_coco_size_must_be_readable(tool, tmp_path, capsys):
    with pytest.raises(SystemExit):
        take_pictures(tool, tmp_path / 'set', '--size', '320')
    assert "'320'; expected WIDTHxHEIGHT, for example 320x240" in (
        capsys.readouterr().err
    )


def test_coco_help_teaches(tool, capsys):
    with pytest.raises(SystemExit):
        tool.main(['coco', '--help'])
    text = capsys.readouterr().out
    assert 'examples:' in text and '--images 20 --val-images 10' in text
    for option in ('--size WIDTHxHEIGHT', '--max-people', '--occlusion', '--workers'):
        assert option in text


def test_writes_the_files_of_mmfi(tool, tmp_path, capsys):
    out = tmp_path / 'tree'
    few = ('--subjects', '4', '--actions', 'A02', '--frames', '2', '--workers', '2')
    tool.main(['mmfi', str(out), *few, '--seed', '1'])
    assert len(list(out.glob('E0?/S?1/A02/wifi-csi/frame00?.mat'))) == 8
    assert json.loads((out / 'synthetic.json').read_text())['seed'] == 1
    text = capsys.readouterr().out
    for words in ('4 sequences, 8 frames of S01, S11, S21, S31', 'frames are empty'):
        assert words in text
    with pytest.raises(SystemExit, match='exists; choose another folder'):
        tool.main(['mmfi', str(out), *few])
    with pytest.raises(SystemExit, match='error: num_subjects=41; expected 1 to 40'):
        tool.main(['mmfi', str(tmp_path / 'x'), '--subjects', '41'])
