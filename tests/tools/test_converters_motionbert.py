"""MotionBERT's pickle to a store."""

from pathlib import Path

import motionbert_to_store as converter
import numpy as np
import public_formats as formats
import pytest

from mmpose_ext.datasets.frame_store import FrameStore

REPO = Path(__file__).parents[2]


def convert(tmp_path, data, *, python2=False):
    file = formats.write_pickle(tmp_path / 'h36m.pkl', data, python2=python2)
    out = tmp_path / 'out' / 'store'
    out.parent.mkdir(exist_ok=True)
    converter.main([str(file), '--out', str(out)])
    return FrameStore(out, verify=True)


def assert_refused(tmp_path, data, message):
    with pytest.raises(ValueError, match=message):
        convert(tmp_path, data)
    assert list((tmp_path / 'out').iterdir()) == []


def test_shapes(tmp_path, capsys):
    store = convert(tmp_path, formats.motionbert_data())
    assert len(store) == 5 + 4 + 6 + 7 + 5
    assert [row.length for row in store.sequences] == [5, 4, 6, 7, 5]
    assert set(store) == {
        'pose_image',
        'factor',
        'pose_cam',
        'keypoints_det',
        'scores_det',
    }
    assert {store[name].dtype for name in store} == {np.dtype('float32')}
    output = capsys.readouterr().out
    assert 'no pose_cam in split: train' in output and 'S9' in output
    assert 'split: test' not in output


def test_values(tmp_path):
    data = formats.motionbert_data()
    store = convert(tmp_path, data)
    for part, frames in (('train', slice(0, 15)), ('test', slice(15, 27))):
        for field, key in (
            ('pose_image', 'joint3d_image'),
            ('keypoints_det', 'joint_2d'),
        ):
            np.testing.assert_allclose(store[field][frames], data[part][key], rtol=1e-6)
        np.testing.assert_allclose(
            store['scores_det'][frames], data[part]['confidence'], rtol=1e-6
        )
    assert np.isnan(store['factor'][:15]).all()
    assert np.isnan(store['pose_cam'][:15]).all()
    assert np.isfinite(store['pose_cam'][15:]).all()
    np.testing.assert_allclose(
        store['factor'][15:], data['test']['2.5d_factor'] / 1000, rtol=1e-6
    )
    # pixels times factor is the evaluation target
    np.testing.assert_allclose(
        store['pose_image'][15:] * store['factor'][15:, None, None],
        data['test']['joints_2.5d_image'] / 1000,
        atol=1e-5,
    )


def test_sequences(tmp_path):
    rows = convert(tmp_path, formats.motionbert_data()).sequences
    assert [(row.name, row.subject, row.action, row.camera) for row in rows] == [
        ('s_01_act_02_subact_01_ca_01', 'S1', 'Directions', '54138969'),
        ('s_01_act_02_subact_01_ca_02', 'S1', 'Directions', '55011271'),
        ('s_05_act_12_subact_02_ca_04', 'S5', 'Photo', '60457274'),
        ('s_09_act_05_subact_02_ca_01', 'S9', 'Greeting', '54138969'),
        ('s_11_act_16_subact_01_ca_03', 'S11', 'WalkTogether', '58860488'),
    ]
    assert [row.split for row in rows] == ['train'] * 3 + ['test'] * 2
    assert rows[2].image_size == (1000, 1002)
    assert rows[2].extra == {'act': 12, 'subaction': 2, 'ca': 4}
    assert rows[2].intrinsics['distortion'] == [0.0] * 5


def test_numbered_actions_follow_the_order_of_human36m(tmp_path):
    named = convert(tmp_path, formats.motionbert_data()).sequences
    (tmp_path / 'second').mkdir()
    data = formats.motionbert_data(numbered_actions=True)
    numbered = convert(tmp_path / 'second', data).sequences
    assert [row.action for row in numbered] == [row.action for row in named]


@pytest.mark.parametrize('confidence', ['column', None])
def test_confidence(tmp_path, confidence):
    data = formats.motionbert_data(confidence=confidence)
    scores = convert(tmp_path, data)['scores_det']
    assert scores.shape == (27, 17)
    if confidence is None:
        assert (scores[:] == 1).all()
    else:
        expected = data['train']['confidence'][..., 0]
        np.testing.assert_allclose(scores[:15], expected, rtol=1e-6)


def test_root_lies_in_the_capture_area(tmp_path):
    store = convert(tmp_path, formats.motionbert_data())
    row = store.sequences[3]
    frames = slice(row.start, row.start + row.length)
    position = store['pose_cam'][frames, 0].astype(float)
    rotation, shift = np.array(row.extrinsics['R']), row.extrinsics['t']
    world = (position - shift) @ rotation
    # The fixture's people stand near the origin with the pelvis 0.95 m up.
    assert np.abs(world[:, 2] - 0.95).max() < 0.05
    assert np.abs(world[:, :2]).max() < 0.5


def test_pose_cam_where_every_video_has_a_factor(tmp_path):
    store = convert(tmp_path, formats.motionbert_data(train_factor=True))
    pose = store['pose_cam'][:].astype(float)
    bone = np.linalg.norm(pose[:, 8] - pose[:, 0], axis=-1)
    assert np.abs(bone - 0.5).max() < 0.1
    relative = (pose[..., 2] - pose[:, :1, 2]) / store['factor'][:][:, None]
    np.testing.assert_allclose(relative, store['pose_image'][..., 2], atol=2e-3)


def test_python2_pickle(tmp_path):
    data = formats.motionbert_data()
    first = convert(tmp_path, data)
    (tmp_path / 'second').mkdir()
    second = convert(tmp_path / 'second', data, python2=True)
    for name in first:
        np.testing.assert_array_equal(first[name], second[name])
    assert first.sequences == second.sequences


class TestInvalid:
    def test_joint_count(self, tmp_path):
        data = formats.motionbert_data()
        data['test']['joint_2d'] = data['test']['joint_2d'][:, :16]
        assert_refused(tmp_path, data, r'test: joint_2d has shape \(12, 16, 2\)')

    def test_length(self, tmp_path):
        data = formats.motionbert_data()
        data['train']['confidence'] = data['train']['confidence'][:-1]
        assert_refused(tmp_path, data, r'train: confidence has shape \(14, 17\)')

    @pytest.mark.parametrize('key', ['joint_2d', 'joint3d_image', 'confidence'])
    def test_nan(self, tmp_path, key):
        data = formats.motionbert_data()
        data['train'][key][11, 2] = np.nan
        message = r's_05_act_12_subact_02_ca_04 hold NaN or infinity \(frame 11'
        assert_refused(tmp_path, data, message)

    def test_factor_contradicts_labels(self, tmp_path):
        data = formats.motionbert_data()
        data['test']['2.5d_factor'] = data['test']['2.5d_factor'].copy()
        data['test']['2.5d_factor'][8] *= 1.05
        message = 's_11_act_16_subact_01_ca_03 differs from joint3d_image'
        assert_refused(tmp_path, data, message)

    def test_camera(self, tmp_path):
        data = formats.motionbert_data()
        data['test']['camera_name'][-5:] = ['1'] * 5
        assert_refused(
            tmp_path, data, r"ca_03: camera_name is \['1'\], expected one of"
        )

    def test_camera_changes(self, tmp_path):
        data = formats.motionbert_data()
        data['train']['camera_name'][0] = '60457274'
        assert_refused(tmp_path, data, r'ca_01: camera_name is')

    def test_source_returns(self, tmp_path):
        data = formats.motionbert_data()
        sources = data['train']['source']
        for key in ('source', 'camera_name'):
            data['train'][key][-2:] = data['train'][key][:2]
        assert sources[-1] == sources[0]
        assert_refused(
            tmp_path, data, 's_01_act_02_subact_01_ca_01 occurs in two places'
        )

    def test_source(self, tmp_path):
        data = formats.motionbert_data()
        data['train']['source'][-6:] = ['video7'] * 6
        assert_refused(tmp_path, data, 'video7: expected a source like')

    def test_action(self, tmp_path):
        data = formats.motionbert_data()
        data['train']['action'][-6:] = ['Juggling'] * 6
        assert_refused(tmp_path, data, "unknown action 'Juggling'")

    def test_missing_key(self, tmp_path):
        data = formats.motionbert_data()
        del data['train']['source']
        assert_refused(tmp_path, data, r"train has no \['source'\]")

    def test_missing_split(self, tmp_path):
        assert_refused(tmp_path, {'train': {}}, "'train' and 'test'")

    def test_other_content(self, tmp_path):
        assert_refused(tmp_path, [1, 2], 'not list')

    def test_malicious(self, tmp_path):
        trap = tmp_path / 'trap'
        bad = {'train': formats.Malicious(f'touch {trap}'), 'test': {}}
        assert_refused(tmp_path, bad, 'system')
        assert not trap.exists()

    def test_missing_file(self, tmp_path):
        with pytest.raises(FileNotFoundError, match='nothing.pkl'):
            converter.main(
                [str(tmp_path / 'nothing.pkl'), '--out', str(tmp_path / 's')]
            )
        assert list(tmp_path.iterdir()) == []
