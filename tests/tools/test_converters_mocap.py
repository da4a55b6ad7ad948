"""World-space motion capture to a store."""

import json
from pathlib import Path

import mocap_to_store as converter
import numpy as np
import public_formats as formats
import pytest

from mmpose_ext.datasets.frame_store import FrameStore

REPO = Path(__file__).parents[2]


SHARED = REPO.parent / 'shared' / 'data'


@pytest.fixture
def motions(tmp_path):
    """(file, motions in Human3.6M-17 order) of the people 01, 02, 03."""
    return tmp_path / 'walk.npz', formats.write_mocap(tmp_path / 'walk.npz')


def write_split(tmp_path, train, test):
    file = tmp_path / 'split.py'
    file.write_text(f'train_subjects = {train}\ntest_subjects = {test}\n')
    return file


def convert(out, *arguments):
    out.parent.mkdir(exist_ok=True)
    converter.main([*map(str, arguments), '--out', str(out)])
    return FrameStore(out, verify=True)


def rows_of(store, motion):
    return [row for row in store.sequences if row.extra['motion'] == motion]


def frames_of(row):
    return slice(row.start, row.start + row.length)


def test_shapes(tmp_path, motions, capsys):
    store = convert(tmp_path / 'out' / 'store', motions[0])
    assert len(store.sequences) == 12
    assert len(store) == 4 * (30 + 41 + 25)
    assert set(store) == {'pose_cam', 'pose_image', 'factor'}
    row = store.sequences[0]
    assert row.name == 'cmu_01_01_54138969'
    assert (row.subject, row.action, row.split) == ('01', 'walk, turn 1', None)
    assert row.image_size == (1000, 1002)
    assert 'outside the image' in capsys.readouterr().out


def test_values(tmp_path, motions):
    store = convert(tmp_path / 'out' / 'store', motions[0])
    for key, motion in motions[1].items():
        centres = []
        for row in rows_of(store, key):
            rig = row.extra['camera_subject']
            pose = store['pose_cam'][frames_of(row)].astype(float)
            rotation, shift = np.array(row.extrinsics['R']), row.extrinsics['t']
            world = (pose - shift) @ rotation
            # Moved along the ground only, the same way for all four cameras.
            move = world - motion
            np.testing.assert_allclose(
                move, np.broadcast_to(move[0, 0], move.shape), atol=1e-4
            )
            assert abs(move[0, 0, 2]) < 1e-4
            centres.append((world[:, 0, :2].min(0) + world[:, 0, :2].max(0)) / 2)
            np.testing.assert_allclose(
                store['pose_image'][frames_of(row), :, :2],
                formats.project(world, rig, row.camera),
                atol=2e-2,
            )
        np.testing.assert_allclose(centres, [centres[0]] * 4, atol=1e-4)
        # The point nearest to the four optical axes.
        looked_at = {'S1': [-0.059, 0.320], 'S5': [0.061, 0.278], 'S6': [0.024, 0.271]}
        np.testing.assert_allclose(centres[0], looked_at[rig], atol=1e-3)
    # People in the middle of the area are seen by all.
    assert (store['pose_image'][..., :2] > 0).all()
    assert (store['pose_image'][..., :2] < 1000).all()


def test_camera_set_ups_are_taken_in_turn(tmp_path, motions):
    store = convert(tmp_path / 'out' / 'a', motions[0])
    rigs = [rows_of(store, key)[0].extra['camera_subject'] for key in motions[1]]
    assert rigs == ['S1', 'S5', 'S6']
    store = convert(tmp_path / 'out' / 'b', motions[0], '--camera-subject', 'S8')
    assert {row.extra['camera_subject'] for row in store.sequences} == {'S8'}


def test_split(tmp_path, motions, capsys):
    split = write_split(tmp_path, ['02'], ['01', '03'])
    store = convert(tmp_path / 'out' / 'a', motions[0], '--split', split)
    assert {row.subject: row.split for row in store.sequences} == {
        '01': 'test',
        '02': 'train',
        '03': 'test',
    }
    rigs = {row.subject: row.extra['camera_subject'] for row in store.sequences}
    assert rigs == {'01': 'S9', '02': 'S1', '03': 'S11'}
    output = capsys.readouterr().out
    assert 'test' in output and '01, 03' in output
    store = convert(
        tmp_path / 'out' / 'b',
        *(motions[0], '--split', split, '--test-camera-subjects', 'S7'),
    )
    rigs = {row.subject: row.extra['camera_subject'] for row in store.sequences}
    assert rigs == {'01': 'S7', '02': 'S1', '03': 'S7'}


def test_lists_of_the_split(tmp_path, motions):
    split = tmp_path / 'people.py'
    split.write_text(
        "source_subjects = ['02']\ntarget_subjects = ['01']\nscored_subjects = ['03']"
    )
    arguments = [motions[0], '--split', split, '--lists']
    store = convert(tmp_path / 'out' / 'a', *arguments, 'source_subjects')
    assert {row.subject: row.split for row in store.sequences} == {'02': 'train'}
    rigs = ['--test-camera-subjects', 'S7']
    lists = ['target_subjects', 'scored_subjects']
    store = convert(tmp_path / 'out' / 'b', *arguments, *lists, *rigs)
    assert {row.subject: row.split for row in store.sequences} == {
        '01': 'train',
        '03': 'test',
    }


def test_scale(tmp_path, motions):
    """About the ground: feet stay there, ways become shorter too."""
    plain = convert(tmp_path / 'out' / 'a', motions[0])
    store = convert(tmp_path / 'out' / 'b', motions[0], '--scale', 0.88)
    assert (plain.header['scale'], store.header['scale']) == (1, 0.88)

    def world(store, row):
        pose = store['pose_cam'][frames_of(row)].astype(float)
        rotation = np.array(row.extrinsics['R'])
        return (pose - row.extrinsics['t']) @ rotation

    for row in store.sequences:
        small, large = world(store, row), world(plain, row)
        np.testing.assert_allclose(small[..., 2], 0.88 * large[..., 2], atol=1e-5)
        first = slice(1), slice(1)
        np.testing.assert_allclose(
            small - small[first], 0.88 * (large - large[first]), atol=1e-5
        )
        # Both walk about the same place.
        np.testing.assert_allclose(
            *((w[:, 0, :2].min(0) + w[:, 0, :2].max(0)) / 2 for w in (small, large)),
            atol=1e-5,
        )


def test_joint_order_of_the_source(tmp_path, motions):
    limbs = ('wrist', 'elbow', 'shoulder', 'foot', 'knee', 'hip')
    names = [f'{side}_{limb}' for limb in limbs for side in ('left', 'right')]
    names += ['head', 'neck_base', 'thorax', 'spine', 'root']
    other = tmp_path / 'other.npz'
    formats.write_mocap(other, joints=names)
    first = convert(tmp_path / 'out' / 'a', motions[0])
    second = convert(tmp_path / 'out' / 'b', other)
    np.testing.assert_array_equal(first['pose_cam'], second['pose_cam'])
    assert second.header['source_joints'] == names


def test_yaw(tmp_path, motions):
    plain = convert(tmp_path / 'out' / 'a', motions[0])
    turned = convert(tmp_path / 'out' / 'b', motions[0], '--yaw', 'random')
    again = convert(tmp_path / 'out' / 'c', motions[0], '--yaw', 'random')
    other = convert(
        tmp_path / 'out' / 'd', *(motions[0], '--yaw', 'random', '--seed', 1)
    )
    yaws = [row.extra['yaw'] for row in turned.sequences]
    assert len(set(yaws)) == 3
    assert [row.extra['yaw'] for row in other.sequences] != yaws
    np.testing.assert_array_equal(turned['pose_cam'], again['pose_cam'])
    assert not np.array_equal(turned['pose_cam'], plain['pose_cam'])
    bone = [
        np.linalg.norm(np.diff(s['pose_cam'][:, 1:3], axis=1)) for s in (plain, turned)
    ]
    assert bone[0] == pytest.approx(bone[1], rel=1e-5)
    row, before = turned.sequences[0], plain.sequences[0]
    rotation = np.array(row.extrinsics['R'])
    heights = [
        (s['pose_cam'][frames_of(row)] - before.extrinsics['t']) @ rotation[:, 2]
        for s in (plain, turned)
    ]
    np.testing.assert_allclose(*heights, atol=1e-4)


class TestNoise:
    def test_fields(self, tmp_path, motions, capsys):
        store = convert(tmp_path / 'out' / 'store', motions[0], '--noise')
        assert {'keypoints_det', 'scores_det'} <= set(store)
        gap = store['keypoints_det'] - store['pose_image'][..., :2]
        error = np.linalg.norm(gap, axis=-1)
        assert 2 < np.median(error) < 8
        assert 'px mean error' in capsys.readouterr().out
        assert store.header['noise']['sigma_px']['wrist'] > 0

    def test_seed(self, tmp_path, motions):
        one = convert(tmp_path / 'out' / 'a', motions[0], '--noise')
        two = convert(tmp_path / 'out' / 'b', motions[0], '--noise')
        three = convert(tmp_path / 'out' / 'c', *(motions[0], '--noise', '--seed', 2))
        np.testing.assert_array_equal(one['keypoints_det'], two['keypoints_det'])
        assert not np.array_equal(one['keypoints_det'], three['keypoints_det'])

    def test_order_and_company_do_not_matter(self, tmp_path, motions):
        fixed = ('--noise', '--camera-subject', 'S1')
        whole = convert(tmp_path / 'out' / 'a', motions[0], *fixed)
        part = tmp_path / 'part.npz'
        keys = list(motions[1])[::-1][:2]
        np.savez(part, **{key: motions[1][key] for key in keys})
        few = convert(tmp_path / 'out' / 'b', part, *fixed)
        assert [row.extra['motion'] for row in few.sequences[::4]] == keys
        for row in few.sequences:
            twin = next(r for r in whole.sequences if r.name == row.name)
            for field in ('keypoints_det', 'scores_det', 'pose_cam'):
                np.testing.assert_array_equal(
                    few[field][frames_of(row)], whole[field][frames_of(twin)]
                )

    def test_cameras_err_independently(self, tmp_path, motions):
        store = convert(tmp_path / 'out' / 'store', motions[0], '--noise')
        gap = store['keypoints_det'] - store['pose_image'][..., :2]
        first, second = (
            gap[frames_of(row)].ravel() for row in rows_of(store, 'cmu_01_01')[:2]
        )
        ordinary = (abs(first) < 30) & (abs(second) < 30)
        assert abs(np.corrcoef(first[ordinary], second[ordinary])[0, 1]) < 0.3


class TestOutside:
    @pytest.fixture
    def far(self, tmp_path, motions):
        """One person walks out of every image; another passes behind a camera."""
        path = tmp_path / 'far.npz'
        motion = motions[1]['cmu_02_01'].copy()
        motion[:10] += [2.4, 2.4, 0]
        motion[-10:] -= [2.4, 2.4, 0]
        np.savez(path, out=motion)
        return path

    def test_keep(self, tmp_path, far, capsys):
        store = convert(tmp_path / 'out' / 'store', far)
        assert [row.length for row in store.sequences] == [41] * 4
        assert 'kept (--outside)' in capsys.readouterr().out

    def test_drop_frames(self, tmp_path, far):
        kept = convert(tmp_path / 'out' / 'a', far, '--noise')
        store = convert(
            tmp_path / 'out' / 'b', *(far, '--outside', 'drop-frames', '--noise')
        )
        assert len(store) < len(kept)
        size = np.array([1000, 1002])
        assert (store['pose_image'][..., :2] >= 0).all()
        assert (store['pose_image'][..., :2] < size).all()
        inside = (kept['pose_image'][..., :2] >= 0).all(axis=(1, 2))
        for row in store.sequences:
            base = row.name.split('_from_')[0]
            whole = next(r for r in kept.sequences if r.name == base)
            begin = whole.start + row.extra.get('first_frame', 0)
            source = slice(begin, begin + row.length)
            assert inside[source].all()
            for field in ('pose_cam', 'keypoints_det'):
                np.testing.assert_array_equal(
                    store[field][frames_of(row)], kept[field][source]
                )

    def test_behind_a_camera(self, tmp_path, motions):
        path = tmp_path / 'behind.npz'
        motion = motions[1]['cmu_02_01'].copy()
        motion[:5] += [0, 12, 0]
        motion[-5:] -= [0, 12, 0]
        np.savez(path, out=motion)
        out = tmp_path / 'out' / 'store'
        with pytest.raises(ValueError, match='behind the camera.*drop-frames'):
            convert(out, path)
        assert list(out.parent.iterdir()) == []
        store = convert(out, path, '--outside', 'drop-frames', '--noise')
        assert [row.length for row in store.sequences] == [36] * 4
        assert (store['pose_cam'][..., 2] > 0).all()


class TestOtherCameras:
    def write(self, tmp_path, **changes):
        matrix = [[800, 0, 320], [0, 810, 240], [0, 0, 1]]
        lens = {'calibration_matrix': matrix, 'distortion': [0.1, 0, 0, 0, 0]}
        lens |= {'image_size': [640, 480], **changes}
        pose = {'R': [[1, 0, 0], [0, 0, -1], [0, 1, 0]], 't': [[0], [1000], [4000]]}
        file = tmp_path / 'rig.json'
        data = {
            'intrinsics': {'front': {k: v for k, v in lens.items() if v is not None}},
            'extrinsics': {'hall': {'front': pose}},
        }
        file.write_text(json.dumps(data))
        return file

    def test_values(self, tmp_path, motions):
        rig = self.write(tmp_path)
        store = convert(tmp_path / 'out' / 'store', motions[0], '--cameras', rig)
        row = store.sequences[0]
        assert (row.name, row.image_size) == ('cmu_01_01_front', (640, 480))
        assert row.extrinsics['t'] == [0, 1, 4]
        assert row.intrinsics['f'] == [800, 810]

    def test_invalid(self, tmp_path, motions):
        for changes, message in (
            ({'image_size': None}, 'image_size'),
            ({'distortion': None}, "karfly's camera format"),
        ):
            rig = self.write(tmp_path, **changes)
            with pytest.raises(ValueError, match=message):
                convert(tmp_path / 'out' / 'store', motions[0], '--cameras', rig)
        with pytest.raises(FileNotFoundError, match='--cameras'):
            convert(tmp_path / 'out' / 'store', *(motions[0], '--cameras', 'no.json'))
        assert list((tmp_path / 'out').iterdir()) == []


class TestInvalid:
    def refused(self, tmp_path, arguments, message, error=ValueError):
        out = tmp_path / 'out' / 'store'
        with pytest.raises(error, match=message):
            convert(out, *arguments)
        assert list(out.parent.iterdir()) == []

    def test_missing_file(self, tmp_path):
        file = tmp_path / 'nothing.npz'
        self.refused(tmp_path, [file], 'nothing.npz', FileNotFoundError)

    def test_joint_count(self, tmp_path):
        file = tmp_path / 'bad.npz'
        np.savez(file, first=np.ones((5, 17, 3)), second=np.ones((5, 16, 3)))
        message = r"'second' has shape \(5, 16, 3\), expected \(frames, 17, 3\)"
        self.refused(tmp_path, [file], message)

    def test_nan(self, tmp_path, motions):
        bad = motions[1]['cmu_01_01'].copy()
        bad[7, 3] = np.nan
        file = tmp_path / 'bad.npz'
        np.savez(file, walk=bad)
        self.refused(tmp_path, [file], "'walk' holds NaN or infinity in frame 7")

    def test_millimetres(self, tmp_path, motions):
        file = tmp_path / 'bad.npz'
        np.savez(file, walk=1000 * motions[1]['cmu_01_01'])
        self.refused(tmp_path, [file], 'expected metres')

    def test_object_array(self, tmp_path):
        file = tmp_path / 'bad.npz'
        np.savez(file, walk=np.array([{}, None], dtype=object))
        self.refused(tmp_path, [file], "'walk' is not a plain array")

    def test_subject_in_neither_list(self, tmp_path, motions):
        split = write_split(tmp_path, ['01'], ['03'])
        message = r"subject '02' of 'cmu_02_01' is in no list"
        self.refused(tmp_path, [motions[0], '--split', split], message)

    def test_unknown_subject_in_split(self, tmp_path, motions):
        split = write_split(tmp_path, ['01', '02', '77'], ['03'])
        message = r"names subjects that .* does not have: \['77'\]"
        self.refused(tmp_path, [motions[0], '--split', split], message)

    def test_subject_in_both_lists(self, tmp_path, motions):
        split = write_split(tmp_path, ['01', '02'], ['02', '03'])
        message = r"subjects of test_subjects in two lists: \['02'\]"
        self.refused(tmp_path, [motions[0], '--split', split], message)

    def test_split_without_lists(self, tmp_path, motions):
        split = tmp_path / 'split.py'
        split.write_text('train = []\n')
        arguments = [motions[0], '--split', split]
        self.refused(tmp_path, arguments, 'no list train_subjects')

    @pytest.mark.parametrize(
        ('options', 'message'),
        [
            (['--scale', '0'], '--scale must be a positive number, got 0'),
            (['--scale', 'nan'], '--scale must be a positive number'),
            (['--lists', 'a'], '--lists names lists of a split file'),
            (['--split', 'x', '--lists', 'a', 'a'], 'one list for train and one'),
            (['--split', 'x', '--lists', 'a', 'b', 'c'], 'one list for train and one'),
        ],
    )
    def test_options(self, options, message, tmp_path, motions):
        self.refused(tmp_path, [motions[0], *options], message)

    def test_lists(self, tmp_path, motions):
        split = write_split(tmp_path, ['01', '02'], ['03'])
        arguments = [motions[0], '--split', split, '--lists']
        self.refused(tmp_path, [*arguments, 'others'], 'no list others')
        split.write_text("a_subjects = ['01']\nb_subjects = ['01', '02', '03']")
        self.refused(tmp_path, [*arguments, 'a_subjects'], "b_subjects in two .*'01'")
        split.write_text("a_subjects = []\nb_subjects = ['01', '02', '03']")
        self.refused(tmp_path, [*arguments, 'a_subjects'], 'no sequence was added')

    def test_missing_split(self, tmp_path, motions):
        arguments = [motions[0], '--split', tmp_path / 'no.py']
        self.refused(tmp_path, arguments, '--split', FileNotFoundError)

    def test_missing_in_index(self, tmp_path, motions):
        index = tmp_path / 'walk_index.csv'
        index.write_text(''.join(index.read_text().splitlines(keepends=True)[:-1]))
        self.refused(tmp_path, [motions[0]], "'cmu_03_01' is missing in the index")

    def test_camera_subject(self, tmp_path, motions):
        arguments = [motions[0], '--camera-subject', 'S77']
        self.refused(tmp_path, arguments, "no camera set-up 'S77'")

    def test_unit(self, tmp_path, motions):
        (tmp_path / 'walk_meta.json').write_text('{"units": "millimetre"}')
        self.refused(tmp_path, [motions[0]], "unit 'millimetre'")

    def test_exists(self, tmp_path, motions):
        out = tmp_path / 'out' / 'store'
        header = convert(out, motions[0]).header
        with pytest.raises(FileExistsError, match='--overwrite'):
            convert(out, motions[0], '--noise')
        assert FrameStore(out, verify=True).header == header
        assert 'scores_det' in convert(out, motions[0], '--noise', '--overwrite')


@pytest.mark.skipif(
    not (SHARED / 'mocap').is_dir(), reason=f'{SHARED / "mocap"} is absent'
)
def test_real_motion_capture(tmp_path):
    """Three real clips of three people through the Human3.6M cameras."""
    source = SHARED / 'mocap' / 'mocap_h36m17.npz'
    with np.load(source, allow_pickle=False) as arrays:
        np.savez(tmp_path / 'few.npz', **{key: arrays[key] for key in arrays.files[:3]})
    for ending in ('_index.csv', '_meta.json'):
        text = source.with_name(source.stem + ending).read_text()
        (tmp_path / f'few{ending}').write_text(text)
    store = convert(tmp_path / 'out' / 'store', tmp_path / 'few.npz', '--noise')
    assert len(store) == 4 * sum(row.length for row in store.sequences[::4])
    assert {row.subject for row in store.sequences} == {'01', '11', 'x_backflip'}
    depth = store['pose_cam'][..., 2]
    assert 1.5 < depth.min() and depth.max() < 10
    # y points down: heads are above feet in the image of somebody standing.
    row = next(row for row in store.sequences if row.subject == '11')
    image = store['pose_image'][row.start]
    assert image[10, 1] < image[0, 1] < image[3, 1]


@pytest.mark.skipif(
    not (SHARED / 'h36m_cameras').is_dir(),
    reason=f'{SHARED / "h36m_cameras"} is absent',
)
def test_packaged_cameras_equal_the_published_file(tmp_path, motions):
    file = SHARED / 'h36m_cameras' / 'camera-parameters.json'
    published = converter.read_cameras(file)
    packaged = converter.h36m_cameras()
    assert set(published) == set(packaged)
    for subject, views in packaged.items():
        for camera, rig in views.items():
            other = published[subject][camera]
            assert rig['intrinsics'] == other['intrinsics']
            assert rig['image_size'] == other['image_size']
            for key in ('R', 't'):
                np.testing.assert_allclose(
                    rig['extrinsics'][key], other['extrinsics'][key], atol=1e-11
                )
