"""VideoPose3D's files to a store."""

from pathlib import Path

import numpy as np
import public_formats as formats
import pytest
import videopose3d_to_store as converter

from mmpose_ext.datasets.frame_store import FrameStore

REPO = Path(__file__).parents[2]


LICENCE = 'academic use only'


@pytest.fixture
def poses():
    return formats.video_poses()


@pytest.fixture
def files(tmp_path, poses):
    """The 3D file, a 2D file without confidence and one with."""
    found = formats.detections(poses)
    scored = formats.detections(poses, extra_frames=0, confidence=True, seed=5)
    return [
        formats.write_data_3d(tmp_path / 'data_3d_h36m.npz', poses),
        formats.write_data_2d(tmp_path / 'data_2d_h36m_cpn.npz', found),
        formats.write_data_2d(tmp_path / 'data_2d_h36m_other.npz', scored),
    ]


def convert(out, *arguments):
    converter.main([*map(str, arguments), '--out', str(out)])
    return FrameStore(out, verify=True)


def assert_nothing_left(out):
    assert not out.exists()
    assert not [p for p in out.parent.iterdir() if p.name.startswith('.')]


def test_shapes(tmp_path, files, capsys):
    store = convert(tmp_path / 'store', *files[:2])
    assert len(store.sequences) == 4 * 4
    assert len(store) == 4 * (7 + 9 + 6 + 8)
    assert set(store) == {
        'pose_cam',
        'pose_image',
        'factor',
        'keypoints_det',
        'scores_det',
    }
    assert store['pose_cam'].shape == (len(store), 17, 3)
    assert LICENCE in store.header['licence']
    output = capsys.readouterr().out
    assert '16 sequences, 120 frames' in output
    assert 'train' in output and 'S1, S5' in output and 'px from the true' in output


def test_values(tmp_path, files, poses):
    store = convert(tmp_path / 'store', *files)
    found = formats.detections(poses)
    by_name = {sequence.name: sequence for sequence in store.sequences}
    for subject, actions in poses.items():
        for action, world in actions.items():
            for index, camera in enumerate(formats.CAMERAS):
                row = by_name[f'{subject}_{action}_{camera}']
                frames = slice(row.start, row.start + row.length)
                assert row.length == len(world)
                assert row.split == ('test' if subject == 'S9' else 'train')
                expected = formats.to_camera(world.astype(float), subject, camera)
                np.testing.assert_allclose(
                    store['pose_cam'][frames], expected, atol=1e-5
                )
                np.testing.assert_allclose(
                    store['pose_image'][frames, :, :2],
                    formats.project(world.astype(float), subject, camera),
                    atol=1e-3,
                )
                detected = found[subject][action][index][: len(world)]
                np.testing.assert_array_equal(store['keypoints_det'][frames], detected)
    row = by_name['S9_WalkDog_60457274']
    assert row.image_size == (1000, 1002)
    assert row.extrinsics['t'][2] > 3
    assert by_name['S1_Directions 1_54138969'].action == 'Directions'
    assert by_name['S5_TakingPhoto 2_54138969'].action == 'Photo'


def test_confidence(tmp_path, files, poses):
    store = convert(tmp_path / 'store', *files)
    assert (store['scores_det'][:] == 1).all()
    scored = formats.detections(poses, extra_frames=0, confidence=True, seed=5)
    first = scored['S1']['Directions'][0]
    np.testing.assert_array_equal(store['scores_det_other'][:7], first[..., 2])
    np.testing.assert_array_equal(store['keypoints_det_other'][:7], first[..., :2])
    assert store.header['detections'] == {
        'keypoints_det': 'cpn',
        'keypoints_det_other': 'other',
    }


def test_17_joints_and_no_detections(tmp_path, files, poses):
    small = formats.write_data_3d(tmp_path / 'small.npz', poses, joints=17)
    store = convert(tmp_path / 'small', small)
    wide = convert(tmp_path / 'wide', files[0])
    assert 'keypoints_det' not in store
    np.testing.assert_array_equal(store['pose_cam'], wide['pose_cam'])


def test_2d_without_3d_is_reported(tmp_path, poses, capsys):
    found = formats.detections(poses)
    found['S11'] = {'Directions': found['S9']['WalkDog']}
    convert(
        tmp_path / 'store',
        formats.write_data_3d(tmp_path / 'data_3d_h36m.npz', poses),
        formats.write_data_2d(tmp_path / 'data_2d_h36m_cpn.npz', found),
    )
    assert "not converted: S11 'Directions'" in capsys.readouterr().out


def test_help(capsys):
    with pytest.raises(SystemExit) as stop:
        converter.main(['--help'])
    assert stop.value.code == 0
    text = capsys.readouterr().out
    assert text.startswith(
        'usage: python tools/dataset_converters/videopose3d_to_store.py'
    )


def damaged_2d(name, poses, found):
    """Detections with one defect, metadata for them, and what the error must say."""
    views = found['S5']['TakingPhoto 2']
    if name == 'too short':
        views[2] = views[2][:4]
        return {}, "S5 'TakingPhoto 2' camera 58860488 has 4 frames"
    if name == 'joints':
        views[1] = views[1][:, :16]
        return {}, r"S5 'TakingPhoto 2' camera 55011271 has shape \(9, 16, 2\)"
    if name == 'cameras':
        views.pop()
        return {}, "S5 'TakingPhoto 2' has 3 cameras"
    if name == 'nan':
        views[0][3, 2, 1] = np.nan
        return {}, "S5 'TakingPhoto 2' camera 54138969 holds NaN or infinity in frame 3"
    if name == 'missing action':
        del found['S5']['TakingPhoto 2']
        return {}, "S5 'TakingPhoto 2' is missing"
    if name == 'missing subject':
        del found['S9']
        return {}, "S9 'WalkDog' is missing"
    if name == 'normalised':
        views[0][:] = views[0] / 500 - 1
        return {}, 'expected pixels'
    if name == 'camera order':
        for actions in found.values():
            for views in actions.values():
                views[0], views[2] = views[2], views[0]
        return {}, 'data_2d_h36m_x.npz: keypoints lie .* camera order 54138969, 5501'
    if name == 'offset':  # too little to be seen in one video, too much for all
        for actions in found.values():
            for views in actions.values():
                views[:] = [view + np.float32(45) for view in views]
        return {}, '/data_2d_h36m_x.npz: keypoints lie 6. px away'
    if name == 'coco':
        symmetry = [[1, 3, 5, 7, 9, 11, 13, 15], [2, 4, 6, 8, 10, 12, 14, 16]]
        return dict(layout_name='coco', keypoints_symmetry=symmetry), "layout 'coco'"
    assert name == 'mpii'
    return dict(layout_name='mpii', num_joints=16), '16 joints'


@pytest.mark.parametrize(
    'name',
    [
        'too short',
        'joints',
        'cameras',
        'nan',
        'missing action',
        'missing subject',
        'normalised',
        'camera order',
        'offset',
        'coco',
        'mpii',
    ],
)
def test_invalid_2d(tmp_path, poses, name):
    found = formats.detections(poses)
    metadata, message = damaged_2d(name, poses, found)
    out = tmp_path / 'out' / 'store'
    out.parent.mkdir()
    with pytest.raises(ValueError, match=message):
        convert(
            out,
            formats.write_data_3d(tmp_path / 'data_3d_h36m.npz', poses),
            formats.write_data_2d(tmp_path / 'data_2d_h36m_x.npz', found, **metadata),
        )
    assert_nothing_left(out)


def damaged_3d(name, poses):
    if name == 'joints':
        poses['S1']['Directions'] = np.zeros((5, 16, 3), dtype=np.float32)
        return (
            r"S1 'Directions' has shape \(5, 16, 3\), expected \(frames, 32 or 17, 3\)"
        )
    if name == 'subject':
        poses['S12'] = poses.pop('S9')
        return "unknown subject 'S12'"
    if name == 'nan':
        poses['S9']['WalkDog'][6, 1, 1] = np.inf
        return "S9 'WalkDog' holds NaN or infinity in frame 6"
    if name == 'empty':
        poses['S9']['WalkDog'] = poses['S9']['WalkDog'][:0]
        return "S9 'WalkDog' has shape"
    assert name == 'millimetres'
    poses['S5']['TakingPhoto 2'] *= 1000
    return 'look like millimetres'


@pytest.mark.parametrize('name', ['joints', 'subject', 'nan', 'empty', 'millimetres'])
def test_invalid_3d(tmp_path, poses, name):
    message = damaged_3d(name, poses)
    file = formats.write_data_3d(tmp_path / 'data_3d.npz', poses, joints=17)
    out = tmp_path / 'out' / 'store'
    out.parent.mkdir()
    with pytest.raises(ValueError, match=message):
        convert(out, file)
    assert_nothing_left(out)


def test_missing_file(tmp_path, files):
    with pytest.raises(FileNotFoundError, match='data_3d_nothing.npz'):
        convert(tmp_path / 'store', tmp_path / 'data_3d_nothing.npz')
    with pytest.raises(FileNotFoundError, match='data_2d_nothing.npz'):
        convert(tmp_path / 'store', files[0], tmp_path / 'data_2d_nothing.npz')
    assert_nothing_left(tmp_path / 'store')


def test_swapped_files(tmp_path, files):
    with pytest.raises(ValueError, match="has no 'positions_3d'"):
        convert(tmp_path / 'store', files[1], files[0])
    assert_nothing_left(tmp_path / 'store')


def test_malicious_file(tmp_path, files):
    trap = tmp_path / 'trap'
    bad = tmp_path / 'data_2d_h36m_bad.npz'
    np.savez(bad, positions_2d={'S1': formats.Malicious(f'touch {trap}')}, metadata={})
    with pytest.raises(ValueError, match='system'):
        convert(tmp_path / 'store', files[0], bad)
    assert not trap.exists()
    assert_nothing_left(tmp_path / 'store')


def test_overwrite(tmp_path, files, poses):
    out = tmp_path / 'store'
    before = convert(out, files[0]).header
    with pytest.raises(FileExistsError, match='--overwrite'):
        convert(out, *files[:2])
    assert FrameStore(out, verify=True).header == before

    poses['S9']['WalkDog'][0] = np.nan
    bad = formats.write_data_3d(tmp_path / 'bad.npz', poses)
    with pytest.raises(ValueError, match='NaN'):
        convert(out, bad, '--overwrite')
    assert FrameStore(out, verify=True).header == before

    assert 'keypoints_det' in convert(out, *files[:2], '--overwrite')


def test_a_folder_that_is_no_store_is_never_replaced(tmp_path, files):
    out = tmp_path / 'thesis'
    out.mkdir()
    (out / 'chapter.txt').write_text('irreplaceable')
    with pytest.raises(FileExistsError, match='not a FrameStore'):
        convert(out, files[0], '--overwrite')
    assert (out / 'chapter.txt').read_text() == 'irreplaceable'
