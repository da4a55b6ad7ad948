import numpy as np
import pytest
import torch
from mmengine.registry import init_default_scope
from mmpose.datasets.transforms import GenerateTarget
from mmpose.registry import KEYPOINT_CODECS

from mmpose_ext.codecs import LiftingLabel
from mmpose_ext.codecs.lifting_label import NOMINAL_FACTOR
from mmpose_ext.geometry import camera_to_image_pose, h36m_cameras

CAMERAS = h36m_cameras()['S1']


def camera_param(width=1000, height=1002):
    return dict(w=width, h=height)


def window(frames=4, seed=0):
    """Metric poses 4 to 6 m in front of the camera, and their keypoints in pixels."""
    rng = np.random.default_rng(seed)
    pose = rng.normal(0, 0.4, (frames, 17, 3)) + [0.2, 0.1, 5]
    keypoints = rng.uniform(0, 1000, (frames, 17, 2))
    return pose.astype(np.float32), keypoints.astype(np.float32)


def decode(codec, label, width, factor):
    """One window through the batched decoder."""
    out = codec.decode(
        torch.from_numpy(label)[None],
        torch.tensor([width]),
        torch.from_numpy(np.asarray(factor, np.float32))[None],
    )
    return out[0].numpy()


def test_shapes():
    pose, keypoints = window()
    codec = LiftingLabel()
    encoded = codec.encode(keypoints, None, pose, camera_param=camera_param())
    shapes = {key: value.shape for key, value in encoded.items()}
    assert shapes == {
        'keypoint_labels': (4, 17, 3),
        'lifting_target_label': (4, 17, 3),
        'lifting_target_metric': (4, 17, 3),
        'lifting_target_weight': (4, 17),
        'factor': (4,),
    }
    assert {value.dtype for value in encoded.values()} == {np.dtype('float32')}
    encoded = LiftingLabel('image').encode(
        keypoints, None, pose, camera_param=camera_param()
    )
    assert encoded['root_image'].shape == (4, 2)
    only = codec.encode(keypoints, camera_param=camera_param())
    assert list(only) == ['keypoint_labels']


@pytest.mark.parametrize('name', sorted(CAMERAS))
def test_normalisation_of_the_four_cameras(name):
    width, height = CAMERAS[name]['image_size']
    _, keypoints = window()
    corners = np.array([[0, 0], [width, 0], [width, height], [width / 2, height / 2]])
    keypoints[0, :4] = corners
    encoded = LiftingLabel().encode(keypoints, camera_param=dict(w=width, h=height))
    labels = encoded['keypoint_labels']
    aspect = height / width
    expected = [[-1, -aspect], [1, -aspect], [1, aspect], [0, 0]]
    np.testing.assert_allclose(labels[0, :4, :2], expected, atol=1e-6)
    back = (labels[..., :2] + [1, aspect]) * width / 2
    np.testing.assert_allclose(back, keypoints, atol=1e-3)


def test_confidence():
    _, keypoints = window()
    scores = np.random.default_rng(0).uniform(0, 1, (4, 17)).astype(np.float32)

    def third(codec, scores):
        labels = codec.encode(keypoints, scores, camera_param=camera_param())
        return labels['keypoint_labels'][..., 2:]

    assert np.array_equal(third(LiftingLabel(), scores)[..., 0], scores)
    assert (third(LiftingLabel(), None) == 1).all()
    assert third(LiftingLabel(confidence=False), scores).shape == (4, 17, 0)


def test_camera_target():
    pose, keypoints = window()
    codec = LiftingLabel('camera')
    encoded = codec.encode(keypoints, None, pose, camera_param=camera_param())
    relative = pose - pose[:, :1]
    np.testing.assert_array_equal(encoded['lifting_target_label'], relative)
    np.testing.assert_array_equal(encoded['lifting_target_metric'], relative)
    assert 'root_image' not in encoded
    # Whatever scale the network's root drifts to, the decoded one is at the origin.
    decoded = decode(codec, relative + 0.3, 1000, np.zeros(4))
    np.testing.assert_allclose(decoded, relative, atol=1e-6)


@pytest.mark.parametrize('name', sorted(CAMERAS))
def test_image_target_of_the_four_cameras(name):
    """Pixels to metres and back, through the factor of each frame."""
    width, height = CAMERAS[name]['image_size']
    lens = CAMERAS[name]['intrinsics']
    pose, keypoints = window()
    image, factor = camera_to_image_pose(
        pose, np.array(lens['f']), np.array(lens['c']), np.array(lens['distortion'])
    )
    image, factor = image.astype(np.float32), factor.astype(np.float32)
    codec = LiftingLabel('image')
    encoded = codec.encode(
        keypoints, None, image, camera_param=dict(w=width, h=height), factor=factor
    )
    assert np.ptp(encoded['factor']) > 0
    np.testing.assert_array_equal(encoded['root_image'], image[:, 0, :2])
    label = encoded['lifting_target_label']
    np.testing.assert_allclose(label * width / 2, image - image[:, :1], atol=2e-3)
    # Normalised as the input is, so ground-truth 2D is the label's xy but for the root.
    inputs = codec.encode(image[..., :2], camera_param=dict(w=width, h=height))
    xy = inputs['keypoint_labels'][..., :2]
    np.testing.assert_allclose(label[..., :2], xy - xy[:, :1], atol=1e-6)
    decoded = decode(codec, label, width, factor)
    np.testing.assert_allclose(decoded, encoded['lifting_target_metric'], atol=1e-5)
    # The depth comes back as it was; x, y are weak-perspective, near but not equal.
    np.testing.assert_allclose(decoded[..., 2], (pose - pose[:, :1])[..., 2], atol=1e-4)
    offset = np.abs(decoded - (pose - pose[:, :1]))[..., :2]
    assert 0.005 < offset.mean() < 0.2


def test_unknown_factor():
    codec = LiftingLabel('image')
    pose, _ = window()
    label = pose - pose[:, :1]
    decoded = decode(codec, label, 1000, [0, 0.002, np.nan, NOMINAL_FACTOR])
    units = np.array([NOMINAL_FACTOR, 0.002, NOMINAL_FACTOR, NOMINAL_FACTOR]) * 500
    np.testing.assert_allclose(decoded, label * units[:, None, None], rtol=1e-5)
    # A person at 4.6 m before one of the Human3.6M cameras.
    assert NOMINAL_FACTOR == pytest.approx(4.6 / 1145, rel=0.01)


def test_decoding_of_a_batch():
    """Windows of a batch may come from images of different widths."""
    codec = LiftingLabel('image')
    encoded = torch.randn(2, 3, 17, 3)
    factor = torch.rand(2, 3) + 0.001
    out = codec.decode(encoded, torch.tensor([1000, 640]), factor)
    for i, width in enumerate((1000, 640)):
        alone = decode(codec, encoded[i].numpy(), width, factor[i].numpy())
        np.testing.assert_allclose(out[i], alone, rtol=1e-6)
        relative = encoded[i] - encoded[i, :, :1]
        expected = relative * (width / 2 * factor[i])[:, None, None]
        np.testing.assert_allclose(out[i], expected, rtol=1e-4, atol=1e-7)
    assert not out[:, :, 0].any()


@pytest.mark.parametrize('target', ['camera', 'image'])
@pytest.mark.parametrize('frames', [1, 4, 5])
def test_decoding_of_the_middle_frame(target, frames):
    """What one factor a window asks for."""
    codec, encoded = LiftingLabel(target), torch.randn(2, frames, 17, 3)
    factor, width = torch.rand(2, frames) + 0.001, torch.tensor([1000, 640])
    middle = slice(frames // 2, frames // 2 + 1)
    alone = codec.decode(encoded, width, factor[:, middle])
    everything = codec.decode(encoded, width, factor)
    np.testing.assert_array_equal(alone, everything[:, middle])
    with pytest.raises(ValueError, match='factors of 7 frames do not fit poses of'):
        codec.decode(encoded, width, torch.zeros(2, 7))


def test_unit_of_a_camera_target():
    pose, keypoints = window()
    codec = LiftingLabel('camera', unit=1.024)
    encoded = codec.encode(keypoints, None, pose, camera_param=camera_param())
    relative = pose - pose[:, :1]
    np.testing.assert_allclose(
        encoded['lifting_target_label'], relative / 1.024, rtol=1e-6
    )
    np.testing.assert_array_equal(encoded['lifting_target_metric'], relative)
    for width in (1000, 1920, 2048):
        decoded = decode(codec, encoded['lifting_target_label'], width, np.zeros(4))
        np.testing.assert_allclose(decoded, relative, atol=1e-6)


def test_legacy_denormalization_shrinks_ts5_and_ts6_only():
    """Millimetres as pixels: 2048 / 2 mm a unit in training, width / 2 mm at test."""
    pose, keypoints = window()
    train, legacy = (
        LiftingLabel('camera', unit=1.024, denormalization=name)
        for name in ('train_unit', 'legacy')
    )
    param = camera_param(2048, 2048)
    labels = [
        codec.encode(keypoints, None, pose, camera_param=param)['lifting_target_label']
        for codec in (train, legacy)
    ]
    np.testing.assert_array_equal(*labels)
    relative = pose - pose[:, :1]
    square = decode(legacy, labels[1], 2048, np.zeros(4))
    wide = decode(legacy, labels[1], 1920, np.zeros(4))
    np.testing.assert_allclose(square, relative, atol=1e-6)
    np.testing.assert_allclose(wide, relative * (1 - 0.0625), atol=1e-6)
    both = legacy.decode(
        torch.from_numpy(np.stack(labels)),
        torch.tensor([2048, 1920]),
        torch.zeros(2, 4),
    )
    np.testing.assert_allclose(both[0], square)
    np.testing.assert_allclose(both[1], wide)


def test_protocol():
    codec = LiftingLabel('camera', unit=1.024, denormalization='legacy')
    assert codec.protocol == {
        'target': 'camera',
        'unit_m': 1.024,
        'denormalization': 'legacy',
    }
    assert LiftingLabel('image').protocol == {'target': 'image'}


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(unit=0), 'unit must be above 0'),
        (dict(target='image', unit=1.024), "1 for the image target.*target='image'"),
        (dict(denormalization='train'), "'train_unit' or 'legacy', got 'train'"),
        (dict(denormalization='legacy'), r'unit=1\.024, got .* unit=1\.0'),
        (dict(target='image', denormalization='legacy'), "target='image'"),
    ],
)
def test_invalid_units(options, message):
    with pytest.raises(ValueError, match=message):
        LiftingLabel(**options)


def test_weights():
    pose, keypoints = window()
    visible = np.ones((4, 17), np.float32)
    visible[2:, 5] = 0
    codec, param = LiftingLabel(), camera_param()
    encoded = codec.encode(keypoints, None, pose, visible, param)
    assert np.array_equal(encoded['lifting_target_weight'], visible)
    column = codec.encode(keypoints, None, pose, visible[..., None], param)
    assert np.array_equal(column['lifting_target_weight'], visible)
    absent = codec.encode(keypoints, None, pose, None, param)
    assert (absent['lifting_target_weight'] == 1).all()


def test_samples_are_not_edited():
    """Samples are views of a memory map that is read only."""
    pose, keypoints = window()
    factor = np.full(4, 0.004, np.float32)
    for array in (pose, keypoints, factor):
        array.flags.writeable = False
    for target in ('camera', 'image'):
        encoded = LiftingLabel(target).encode(
            keypoints, None, pose, camera_param=camera_param(), factor=factor
        )
        assert not np.shares_memory(encoded['lifting_target_label'], pose)


def test_root_and_number_of_joints():
    codec = LiftingLabel(num_keypoints=5, root_index=3)
    rng = np.random.default_rng(0)
    pose, keypoints = rng.normal(size=(2, 5, 3)), rng.normal(size=(2, 5, 2))
    encoded = codec.encode(keypoints, None, pose, camera_param=camera_param())
    np.testing.assert_allclose(encoded['lifting_target_label'], pose - pose[:, 3:4])
    assert not decode(codec, pose, 1000, np.zeros(2))[:, 3].any()


@pytest.mark.parametrize('param', [None, {}, dict(w=1000), dict(h=1000)])
def test_missing_image_size(param):
    _, keypoints = window()
    with pytest.raises(ValueError, match='image size.*image_size of MMPose'):
        LiftingLabel().encode(keypoints, camera_param=param)


def test_invalid():
    with pytest.raises(ValueError, match="'camera' or 'image', got 'world'"):
        LiftingLabel('world')
    codec, param = LiftingLabel(), camera_param()
    for shape in ((4, 16, 2), (4, 17, 3), (17, 3)):
        with pytest.raises(ValueError, match=r'\(T, 17, 2\).*convert the joints'):
            codec.encode(np.zeros(shape, np.float32), camera_param=param)


@pytest.mark.parametrize('target', ['camera', 'image'])
@pytest.mark.parametrize('frames', [1, 4])
def test_keys_of_stock_inference(target, frames):
    """What MMPose's `inference_pose_lifter_model` puts into the pipeline."""
    init_default_scope('mmpose')
    _, keypoints = window(frames)
    results = dict(
        keypoints=keypoints,
        keypoints_visible=np.ones((frames, 17), np.float32),
        lifting_target=np.zeros((1, 17, 3), np.float32),
        factor=np.zeros((frames,), np.float32),
        lifting_target_visible=np.ones((1, 17, 1), np.float32),
        camera_param=dict(w=1920, h=1080),
    )
    transform = GenerateTarget(encoder=dict(type='LiftingLabel', target=target))
    encoded = transform(results)
    assert encoded['keypoint_labels'].shape == (frames, 17, 3)
    assert encoded['factor'].shape == (1,), 'of the one frame of the target'
    assert encoded['lifting_target_weight'].shape == (1, 17)
    assert encoded['lifting_target_metric'].shape == (1, 17, 3)
    assert not encoded['lifting_target_metric'].any()


def test_registered():
    assert KEYPOINT_CODECS.get('LiftingLabel') is LiftingLabel
