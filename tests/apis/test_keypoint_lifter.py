import numpy as np
import pytest
import torch
import untrained
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmpose.structures import PoseDataSample
from person_tracks import CAMERA, SIZE, poses_of, track_of
from slot_lifter import SlotLifter, last_seen

from mmpose_ext.apis import KeypointLifter, OneEuro
from mmpose_ext.apis.one_euro import one_euro
from mmpose_ext.geometry import FLIP_INDICES, h36m_cameras

QUIET = dict(progress=False, person_height=None)


@pytest.fixture
def tiny(tmp_path):
    """A lifter of a config of `fixtures`, random weights."""

    def build(name='tiny_prml', **options):
        files = untrained.lifter_arguments(tmp_path, name)
        return KeypointLifter(*files, device='cpu', **options)

    return build


def slots(seq_len=4, answer=None, **codec):
    return KeypointLifter.of_model(SlotLifter(answer, **codec), seq_len, name='slots')


def stock(model, track, start, frames=3):
    """What `test_step` makes of a window, `(T, 17, 3)`."""
    part = slice(start, start + frames)
    size = dict(zip('wh', SIZE, strict=True))
    encoded = model.head.decoder.encode(
        track.keypoints[part], track.scores[part], camera_param=size
    )
    meta = dict(camera_param=size, flip_indices=FLIP_INDICES)
    inputs = torch.from_numpy(encoded['keypoint_labels'])
    sample = dict(inputs=inputs, data_samples=PoseDataSample(metainfo=meta))
    with torch.no_grad():
        (output,) = model.test_step(pseudo_collate([sample]))
    return output.pred_instances.keypoints


def test_shapes(tiny):
    tracks = [track_of(7), track_of(1, track_id=1, start=4), track_of(3, track_id=2)]
    lifted = tiny().lift_tracks(tracks, SIZE, progress=False, camera=CAMERA)
    assert [len(track) for track in lifted] == [7, 1, 3]
    for track, given in zip(lifted, tracks, strict=True):
        assert track.track_id == given.track_id
        np.testing.assert_array_equal(track.frames, given.frames)
        np.testing.assert_array_equal(track.keypoints, given.keypoints)
        assert track.poses.shape == (len(given), 17, 3)
        assert track.poses.dtype == track.root.dtype == np.float32
        assert track.confidence.shape == (len(given), 17)
        np.testing.assert_allclose(track.poses[:, 0], 0, atol=1e-6)
        assert track.poses_camera.shape == (len(given), 17, 3)
    assert tiny().lift_tracks([], SIZE) == ()


@pytest.mark.parametrize('name', ['tiny_lifting', 'tiny_prml'])
def test_values(tiny, name):
    """Windows without overlap are what the model's own test step gives."""
    lifter = tiny(name)
    track = track_of(12)
    (lifted,) = lifter.lift_tracks([track], SIZE, stride=3, batch_size=2, **QUIET)
    expected = np.concatenate([stock(lifter.model, track, s) for s in (0, 3, 6, 9)])
    np.testing.assert_allclose(lifted.poses, expected, atol=1e-6)
    np.testing.assert_allclose(lifted.confidence, 0.9, rtol=1e-6)
    assert lifted.root is None


def test_image_target():
    """Outputs of 2.5D codecs are in half image widths, at the nominal distance."""
    (lifted,) = slots(target='image').lift_tracks([track_of(4)], SIZE, **QUIET)
    metres = 0.5 * SIZE[0] * 0.004
    np.testing.assert_allclose(lifted.poses[:, 3, 1], metres * np.arange(4), rtol=1e-6)


@pytest.mark.parametrize('name', ['tiny_diffusion', 'tiny_posynda'])
def test_diffusion(tiny, name):
    options = {'model.test_cfg.num_hypotheses': 3, 'model.test_cfg.sampling_steps': 2}
    lifter = tiny(name, cfg_options=options)
    tracks = [track_of(5), track_of(4, seed=1)]
    first = lifter.lift_tracks(tracks, SIZE, **QUIET)
    torch.manual_seed(5)
    again = lifter.lift_tracks(tracks, SIZE, **QUIET)
    for one, other in zip(first, again, strict=True):
        assert one.poses.shape[1:] == (17, 3) and np.isfinite(one.poses).all()
        np.testing.assert_array_equal(one.poses, other.poses)
    assert (first[0].confidence < 0.9).any(), 'noise makes windows disagree'


def test_joints_by_projection(tiny):
    options = {
        'model.test_cfg.num_hypotheses': 3,
        'model.test_cfg.aggregation': 'joint',
    }
    lifter = tiny('tiny_diffusion', cfg_options=options)
    with pytest.raises(ValueError, match='needs a camera'):
        lifter.lift_tracks([track_of(3)], SIZE, **QUIET)
    mean = tiny('tiny_diffusion', cfg_options={'model.test_cfg.num_hypotheses': 3})
    for height in (None, 'auto'):
        flags = dict(camera=CAMERA, person_height=height, progress=False)
        (lifted,) = lifter.lift_tracks([track_of(3)], SIZE, **flags)
        (other,) = mean.lift_tracks([track_of(3)], SIZE, **flags)
        assert np.isfinite(lifted.poses).all()
        assert abs(other.poses - lifted.poses).max() > 1e-3


def test_batches_do_not_matter(tiny):
    lifter = tiny()
    tracks = [track_of(n, track_id=n, seed=n) for n in (11, 2, 7, 3)]
    whole = lifter.lift_tracks(tracks, SIZE, **QUIET)
    for batch_size in (1, 4):
        parts = lifter.lift_tracks(tracks, SIZE, batch_size=batch_size, **QUIET)
        for one, other in zip(whole, parts, strict=True):
            np.testing.assert_allclose(one.poses, other.poses, atol=1e-5)
            np.testing.assert_allclose(one.confidence, other.confidence, atol=1e-4)
    for track, expected in zip(tracks, whole, strict=True):
        (alone,) = lifter.lift_tracks([track], SIZE, **QUIET)
        np.testing.assert_allclose(alone.poses, expected.poses, atol=1e-5)


def test_people_share_batches():
    lifter = slots()
    tracks = [track_of(4, track_id=number) for number in range(5)]
    lifter.lift_tracks(tracks, SIZE, batch_size=4, **QUIET)
    assert [len(batch) for batch in lifter.model.batches] == [4, 1]


def test_overlap():
    """Slots of windows at 0, 2 and 3 under weights 1, 2, 2, 1; short tracks padded."""
    tracks = [track_of(7), track_of(2)]
    long, short = slots().lift_tracks(tracks, SIZE, stride=2, batch_size=1, **QUIET)
    mean = [0, 1, 4 / 3, 5 / 4, 6 / 4, 7 / 3, 3]
    np.testing.assert_allclose(long.poses[:, 3, 1], mean, atol=1e-6)
    np.testing.assert_allclose(short.poses[:, 3, 1], [0, 1], atol=1e-6)
    agreed = long.confidence[:, 0]
    np.testing.assert_allclose(agreed, 0.9, rtol=1e-5, err_msg='all windows have a 0')
    assert (long.confidence[2:6, 3] < 0.05).all(), 'they disagree by a metre'
    np.testing.assert_allclose(long.confidence[[0, 1, 6], 3], 0.9, rtol=1e-5)


def test_padding_repeats_the_last_frame():
    lifter = slots(confidence=False)
    lifter.lift_tracks([track_of(2)], SIZE, **QUIET)
    (batch,) = lifter.model.batches
    assert batch.shape == (1, 4, 17, 2)
    assert torch.equal(batch[0, 1], batch[0, 3])
    assert not torch.equal(batch[0, 0], batch[0, 1])


def test_confidence_follows_scores():
    track = track_of(12)
    track.scores[:, 4] = 0.2
    (lifted,) = slots(answer=last_seen).lift_tracks([track], SIZE, **QUIET)
    assert (lifted.confidence[:, 4] <= 0.2 + 1e-6).all()
    assert (lifted.confidence[:, 5] > lifted.confidence[:, 4]).all()


def test_framing():
    """A small person in a corner is seen as a large one in the middle."""
    lifter = slots(confidence=False)
    track = track_of(4, root=(3.0, 1.0, 12.0))
    lifter.lift_tracks([track], SIZE, progress=False)
    lifter.lift_tracks([track], SIZE, progress=False, person_height=0.5)
    for batch, height in zip(lifter.model.batches, (1 / 3, 0.5), strict=True):
        low, high = batch.amin((0, 1, 2)), batch.amax((0, 1, 2))
        assert (high - low).max() == pytest.approx(2 * height, rel=0.1)
        assert abs(low + high).max() < 0.1, 'in the middle'


def test_camera_space(tiny):
    """The axes of a person who was moved to the middle are turned to the camera's."""
    truth = poses_of(9)
    root = np.float32([2.5, 0.0, 6.0])
    track = track_of(9, root=root)
    depth = np.linalg.norm(root)

    def oracle(inputs):
        """The pose as a camera that looks at the person sees it."""
        toward = root / depth
        right = np.cross([0, 1, 0], toward)
        right /= np.linalg.norm(right)
        axes = np.stack([right, np.cross(toward, right), toward], axis=-1)
        seen = torch.from_numpy(truth @ axes).float()
        return seen[: inputs.shape[1]].expand(len(inputs), -1, -1, -1)

    lifter = slots(9, answer=oracle)
    options = dict(camera=CAMERA, progress=False)
    (lifted,) = lifter.lift_tracks([track], SIZE, **options)
    assert abs(lifted.poses - truth).max() < 0.05
    assert abs(lifted.root - root).max() < 0.15
    lifter = slots(9, answer=lambda inputs: torch.from_numpy(truth)[None])
    (plain,) = lifter.lift_tracks([track], SIZE, **options, person_height=None)
    np.testing.assert_allclose(plain.poses, truth, atol=1e-6)
    np.testing.assert_allclose(plain.root - root, np.zeros((9, 3)), atol=2e-3)
    track.keypoints[:, 9] += 300
    track.scores[:, 9] = 0
    (weighted,) = lifter.lift_tracks([track], SIZE, **options, person_height=None)
    np.testing.assert_allclose(weighted.root, plain.root, atol=0.02)


def test_frame_rate():
    """Lifted at the rate of the model, given back at that of the clip."""
    lifter = slots(4, answer=lambda x: torch.cat([x[..., :2], x[..., 1:2]], -1))
    track = track_of(13)
    options = dict(stride=2, **QUIET)
    (plain,) = lifter.lift_tracks([track], SIZE, **options)
    lifter.model.batches.clear()
    for batch_size in (1, 64):
        (lifted,) = lifter.lift_tracks(
            [track], SIZE, fps=10, model_fps=50, batch_size=batch_size, **options
        )
        np.testing.assert_allclose(lifted.poses, plain.poses, atol=1e-6)
    assert len(lifter.model.batches[-1]) == (61 - 4) // 2 + 2
    times = np.cumsum(np.random.default_rng(0).uniform(0.02, 0.2, 13))
    for rate in (5, 100):
        (lifted,) = lifter.lift_tracks(
            [track], SIZE, times=times, model_fps=rate, batch_size=3, **options
        )
        assert abs(lifted.poses - plain.poses).max() < 0.02, 'joints move slowly'


def test_smoothing():
    """Each track is filtered by the times of its frames, in pieces or not."""
    lifter = slots(answer=last_seen)
    times = np.cumsum(np.random.default_rng(0).uniform(0.02, 0.06, 700))
    tracks = [track_of(99, seed=2), track_of(600), track_of(30, start=240, seed=1)]
    tracks.append(track_of(9, start=640))
    options = dict(camera=CAMERA, **QUIET)
    plain = lifter.lift_tracks(tracks, SIZE, **options)
    smooth = lifter.lift_tracks(
        tracks, SIZE, times=times, smoothing=OneEuro(), **options
    )
    for one, other in zip(plain, smooth, strict=True):
        poses, _ = one_euro(one.poses, times[one.frames], OneEuro())
        root, _ = one_euro(one.root, times[one.frames], OneEuro())
        np.testing.assert_allclose(other.poses, poses, atol=1e-5)
        np.testing.assert_allclose(other.root, root, atol=1e-5)
        assert abs(other.poses - one.poses).max() > 1e-3


def test_missing_joints(tiny):
    track = track_of(6)
    track.keypoints[2, 5] = np.nan
    track.keypoints[4] = np.nan
    (lifted,) = tiny().lift_tracks([track], SIZE, progress=False)
    assert np.isfinite(lifted.poses).all() and np.isfinite(lifted.keypoints).all()
    assert lifted.confidence[2, 5] == 0 and (lifted.confidence[4] == 0).all()
    assert lifted.filled.tolist() == [False] * 4 + [True, False]


def test_nobody_stops_the_others():
    """One person whose keypoints lie in one point, and one with none at all."""
    good, still = track_of(5), np.full((5, 17, 2), 50, np.float32)
    point = track_of(5, track_id=3, keypoints=still)
    empty = track_of(5, track_id=4, keypoints=np.full_like(still, np.nan))
    lifter = slots(answer=last_seen)
    options = dict(camera=CAMERA, progress=False)
    (alone,) = lifter.lift_tracks([good], SIZE, **options)
    with pytest.warns(UserWarning) as notes:
        first, second = lifter.lift_tracks([good, point, empty], SIZE, **options)
    texts = [str(note.message) for note in notes]
    assert any('track 3: all keypoints lie in one point' in text for text in texts)
    assert any('tracks [4] have no valid joint' in text for text in texts)
    np.testing.assert_array_equal(first.poses, alone.poses)
    assert second.track_id == 3
    assert np.isfinite(second.poses).all() and np.isfinite(second.root).all()


@pytest.mark.parametrize('error', [RuntimeError, KeyboardInterrupt])
def test_what_was_lifted_before_a_failure(error):
    def answer(inputs):
        if len(lifter.model.batches) == 4:
            raise error('device lost')
        return last_seen(inputs)

    lifter = slots(answer=answer)
    tracks = [track_of(6, track_id=2), track_of(12), track_of(6, track_id=1)]
    kept = []
    options = dict(stride=2, batch_size=2, camera=CAMERA, **QUIET)
    with pytest.raises(error):
        lifter.lift_tracks(tracks, SIZE, on_failure=kept.extend, **options)
    whole = slots(answer=last_seen).lift_tracks(tracks, SIZE, **options)
    assert [track.track_id for track in kept] == [2, 0]
    assert len(kept[0]) == 6 and 2 < len(kept[1]) < 12
    for part, track in zip(kept, whole, strict=False):
        for name in ('frames', 'keypoints', 'poses', 'confidence', 'root', 'filled'):
            expected = getattr(track, name)[: len(part)]
            np.testing.assert_array_equal(getattr(part, name), expected)


def test_results_in_given_arrays(tmp_path):
    made = []

    def allocate(shape):
        path = tmp_path / f'{len(made)}.bin'
        made.append(np.memmap(path, np.float32, 'w+', shape=shape))
        return made[-1]

    (lifted,) = slots().lift_tracks(
        [track_of(9)], SIZE, allocate=allocate, camera=CAMERA, **QUIET
    )
    assert [rows.shape for rows in made] == [(9, 17, 3), (9, 17), (9, 3)]
    assert lifted.poses is made[0] and abs(lifted.poses).sum() > 0


def test_half_precision(tiny):
    track = track_of(6)
    (full,) = tiny().lift_tracks([track], SIZE, **QUIET)
    (half,) = tiny(amp=True).lift_tracks([track], SIZE, **QUIET)
    assert half.poses.dtype == np.float32
    assert 0 < abs(half.poses - full.poses).max() < 0.02


def test_every_camera_fits():
    """Nothing depends on the aspect ratio."""
    for camera in h36m_cameras()['S1'].values():
        lifter = slots(confidence=False)
        lifter.lift_tracks([track_of(4)], camera['image_size'], **QUIET)
        assert torch.isfinite(lifter.model.batches[0]).all()


def test_invalid(tiny, tmp_path):
    lifter = slots()
    track = track_of(5)
    with pytest.raises(ValueError, match='stride=5; expected 1 to 4'):
        lifter.lift_tracks([track], SIZE, stride=5)
    with pytest.raises(ValueError, match='batch_size=0'):
        lifter.lift_tracks([track], SIZE, batch_size=0)
    with pytest.raises(ValueError, match='model_fps needs the frame rate'):
        lifter.lift_tracks([track], SIZE, model_fps=50)
    with pytest.raises(ValueError, match='model_fps=-1'):
        lifter.lift_tracks([track], SIZE, fps=10, model_fps=-1)
    with pytest.raises(ValueError, match='smoothing needs the frame rate'):
        lifter.lift_tracks([track], SIZE, smoothing=OneEuro())
    with pytest.raises(ValueError, match='reaches frame 4, but .* times of 3'):
        lifter.lift_tracks([track], SIZE, times=np.arange(3), smoothing=OneEuro())
    with pytest.raises(ValueError, match='image_size'):
        lifter.lift_tracks([track], (0, 5), person_height=None)
    for height in (5, 0, -0.1, 'tall'):
        with pytest.raises(ValueError, match=f'person_height={height!r}; expected'):
            lifter.lift_tracks([track], SIZE, person_height=height)
    with pytest.raises(ValueError, match='expected a SequenceLifter'):
        KeypointLifter.of_model(torch.nn.Linear(1, 1), 3)
    with pytest.raises(ValueError, match='for 17 joints'):
        slots(num_keypoints=16)
    model = SlotLifter()
    model.backbone.feature_shapes = {'image': (1, 2)}
    with pytest.raises(ValueError, match=r"takes \['image'\] of the images"):
        KeypointLifter.of_model(model, 3)


def test_other_files(tmp_path):
    config, checkpoint = untrained.lifter_arguments(tmp_path, 'tiny_prml')
    other = str(untrained.FIXTURES / 'tiny_lifting.py')
    with pytest.raises(ValueError, match='lacks .* weights of .*tiny_lifting.py'):
        KeypointLifter(other, checkpoint)
    with pytest.raises(FileNotFoundError, match=r'nothing\.pth'):
        KeypointLifter(config, tmp_path / 'nothing.pth')
    with pytest.raises(FileNotFoundError, match=r'nothing\.py'):
        KeypointLifter(tmp_path / 'nothing.py', checkpoint)
    cfg = Config.fromfile(config)
    cfg.test_dataloader.dataset = dict(type='CocoDataset')
    cfg.dump(tmp_path / 'coco.py')
    with pytest.raises(ValueError, match='tests on CocoDataset with seq_len=None'):
        KeypointLifter(tmp_path / 'coco.py', checkpoint)
