"""MM-Fi on the command line."""

import json

import mmfi_format
import mmfi_to_store as converter
import pytest

from mmpose_ext.datasets.frame_store import FrameStore


def test_converts(tmp_path, capsys):
    mmfi_format.write_tree(tmp_path / 'tree', frames=3)
    out, report = tmp_path / 'store', tmp_path / 'report.json'
    arguments = ['--workers', '1', '--report', str(report), '--actions', 'A18']
    converter.main([str(tmp_path / 'tree'), str(out), *arguments])
    store = FrameStore(out, verify=True)
    assert [row.name for row in store.sequences] == [
        *('E01_S01_A18', 'E01_S02_A18', 'E02_S11_A18')
    ]
    text = capsys.readouterr().out
    assert '3 frames without radar points (25.0%), most in A18 25%' in text
    assert '3 sequences, 12 frames at 10 fps' in text and '6/6' in text
    assert json.loads(report.read_text())['empty_radar'] == 3


def test_flags(tmp_path):
    root = tmp_path / 'tree'
    content = mmfi_format.make_sequence(2)
    folder = mmfi_format.write_sequence(root, 'S01', 'A02', content, ('rgb', 'depth'))
    arguments = [str(root), str(tmp_path / 'store'), '--workers', '1']
    with pytest.raises(ValueError, match=r'lidar.*--modalities.*--allow-missing'):
        converter.main([*arguments, '--depth'])
    (folder / 'rgb' / 'frame001.npy').write_bytes(b'')
    both = ['--modalities', 'rgb', '--depth']
    with pytest.raises(ValueError, match='--allow-damaged'):
        converter.main([*arguments, *both])
    converter.main([*arguments, *both, '--allow-damaged'])
    assert FrameStore(tmp_path / 'store')['modality_valid'].tolist() == [16, 17]
    converter.main([*arguments, '--allow-missing', '--allow-damaged', '--overwrite'])
    assert 'lidar' in FrameStore(tmp_path / 'store')


@pytest.mark.parametrize(
    ('arguments', 'words'),
    [
        (['--modalities', 'sound'], "invalid choice: 'sound'"),
        (['--subjects', 'S77'], "invalid choice: 'S77'"),
    ],
)
def test_invalid(tmp_path, capsys, arguments, words):
    with pytest.raises(SystemExit):
        converter.main([str(tmp_path), str(tmp_path / 'store'), *arguments])
    assert words in capsys.readouterr().err
