"""Source people put in the place of target people: size, place, pose, smoothness."""

import numpy as np
import pytest
import torch

from mmpose_ext.geometry import (
    place_like_target,
    project_to_pixels,
    world_to_camera,
)
from mmpose_ext.simulation import MOTIONS, Body, motion

T, K = 9, 17
SIZE = torch.tensor([1920.0, 1080.0], dtype=torch.float64)
LENS = [-0.2, 0.25, -0.001, -0.0008, -0.002]
FRAME = {'per_window': False}


def people(count, seed, *, pitch=0.0, depth=(3.0, 6.0)):
    """Windows ``(count, T, 17, 3)`` of simulated people, camera axes, absolute m."""
    rng = np.random.default_rng(seed)
    windows = []
    for i in range(count):
        world = motion(
            MOTIONS[i % len(MOTIONS)],
            Body.sample(rng),
            num_frames=2 * T,
            fps=25,
            generator=rng,
        )[T:]
        yaw = rng.uniform(-np.pi, np.pi)
        turn = [[np.cos(yaw), np.sin(yaw), 0], [-np.sin(yaw), np.cos(yaw), 0]]
        upright = np.array([[1, 0, 0], [0, 0, -1], [0, 1, 0]]) @ [*turn, [0, 0, 1]]
        tilt = np.cos(pitch), np.sin(pitch)
        lowered = [[1, 0, 0], [0, tilt[0], tilt[1]], [0, -tilt[1], tilt[0]]]
        rotation = np.array(lowered) @ upright
        z = rng.uniform(*depth)
        place = [*rng.uniform(-0.15, 0.15, 2) * z, z]
        shift = place - rotation @ world[0, 0]
        windows.append(world_to_camera(world.astype(np.float64), rotation, shift))
    return torch.from_numpy(np.stack(windows))


def cameras(count, seed=3):
    """Focal lengths and principal points of `count` target cameras, pixels."""
    rng = np.random.default_rng(seed)
    focal = rng.uniform(850, 1600, (count, 1)) * [1, 0.993]
    return torch.from_numpy(focal), SIZE / 2 + torch.from_numpy(
        rng.normal(0, 20, (count, 2))
    )


def seen_by(pose, f, c, distortion=None):
    lens = None if distortion is None else torch.tensor(distortion)
    return project_to_pixels(pose, f[:, None, None], c[:, None, None], lens)


@pytest.fixture(scope='module')
def source():
    return people(36, seed=0)


@pytest.fixture(scope='module')
def target():
    """True poses, keypoints, focal lengths and principal points of 36 windows."""
    pose = people(36, seed=1, pitch=0.3)
    f, c = cameras(36)
    return pose, seen_by(pose, f, c), f, c


def size(points):
    """Width plus height of what is seen ``(..., T)``."""
    return (points.amax(-2) - points.amin(-2)).sum(-1)


def test_shapes(source, target):
    _, keypoints, f, c = target
    pose, seen = place_like_target(source, keypoints, f, c)
    assert pose.shape == (36, T, K, 3) and seen.shape == (36, T, K, 2)
    assert pose.dtype == seen.dtype == torch.float64
    pose, _ = place_like_target(source.bfloat16(), keypoints, f, c)
    assert pose.dtype == torch.float32


@pytest.mark.parametrize('options', [{}, FRAME])
def test_leading_dimensions(source, target, options):
    _, keypoints, f, c = target
    many = place_like_target(source, keypoints, f, c, **options)
    split = place_like_target(
        *(x.unflatten(0, (4, 9)) for x in (source, keypoints, f, c)), **options
    )
    one = place_like_target(source[7], keypoints[7], f[7], c[7], **options)
    for whole, parts, single in zip(many, split, one, strict=True):
        torch.testing.assert_close(parts.flatten(0, 1), whole, rtol=0, atol=1e-10)
        torch.testing.assert_close(single, whole[7], rtol=0, atol=1e-10)
    shared = place_like_target(source, keypoints, f[0].tolist(), c[0].tolist())
    torch.testing.assert_close(
        shared, place_like_target(source, keypoints, f[:1], c[:1])
    )


def test_values_of_one_frame():
    """A flat cross, 1 m wide and 2 m high, for a target of 200 x 200 px."""
    pose = torch.tensor([[0, 0, 0], [-0.5, 0, 0], [0.5, 0, 0], [0, -1, 0], [0, 1, 0]])
    keypoints = pose[:, :2] * torch.tensor([200, 100]) + torch.tensor([700.0, 400.0])
    placed, seen = place_like_target(
        (pose + 3)[None], keypoints[None], [1000.0, 500.0], [500.0, 500.0]
    )
    # (1000 px x 1 m + 500 px x 2 m) / 400 px: 5 m away, 1 m to the right, 1 m up.
    torch.testing.assert_close(placed[0], pose + torch.tensor([1.0, -1.0, 5.0]))
    torch.testing.assert_close(seen[0], keypoints)


def test_values_of_two_sizes_of_the_target():
    """Extents are averaged over the window: 200 and 400 px a metre are like 300."""
    pose = torch.tensor([[0, 0, 0], [1, 0, 0], [0, 1, 0]]).double().expand(2, 3, 3)
    keypoints = pose[..., :2] * torch.tensor([200.0, 400.0])[:, None, None]
    camera = [1200.0, 1200.0], [0.0, 0.0]
    window, _ = place_like_target(pose, keypoints, *camera)
    frames, _ = place_like_target(pose, keypoints, *camera, **FRAME)
    assert window[:, 0, 2].tolist() == pytest.approx([4, 4])
    assert frames[:, 0, 2].tolist() == pytest.approx([6, 3])


@pytest.mark.parametrize('options', [{}, FRAME, {'refinements': 2}])
@pytest.mark.parametrize('distortion', [None, LENS])
@pytest.mark.parametrize('dtype, atol', [(torch.float64, 1e-12), (torch.float32, 1e-5)])
def test_the_root_is_seen_exactly_where_the_target_is(
    source, target, options, distortion, dtype, atol
):
    pose, _, f, c = target
    scale = 2 / SIZE[0]
    f, c = f * scale, c * scale - torch.tensor([1, 0.5625])
    keypoints = seen_by(pose, f, c, distortion)
    _, seen = place_like_target(
        *(x.to(dtype) for x in (source, keypoints, f, c)),
        distortion=distortion,
        **options,
    )
    assert seen.dtype == dtype
    difference = seen[..., 0, :] - keypoints[..., 0, :]
    # A fixed point undoes the distortion; it ends near the last digit.
    assert difference.abs().max() < (atol if distortion is None else 10 * atol)


@pytest.mark.parametrize('options', [{}, FRAME, {'refinements': 2}])
def test_the_pose_relative_to_its_root_is_unchanged(source, target, options):
    _, keypoints, f, c = target
    pose, _ = place_like_target(source, keypoints, f, c, **options)
    before, after = (x - x[..., :1, :] for x in (source, pose))
    torch.testing.assert_close(after, before, rtol=0, atol=1e-14)


def test_only_the_shape_of_the_source_matters(source, target):
    _, keypoints, f, c = target
    shift = torch.tensor([3.0, -2.0, 50.0])
    torch.testing.assert_close(
        place_like_target(source + shift, keypoints, f, c),
        place_like_target(source, keypoints, f, c),
        rtol=0,
        atol=1e-10,
    )


def test_another_root(source, target):
    _, keypoints, f, c = target
    pose, seen = place_like_target(source, keypoints, f, c, root=8)
    torch.testing.assert_close(seen[..., 8, :], keypoints[..., 8, :])
    assert (seen[..., 0, :] - keypoints[..., 0, :]).abs().max() > 1
    torch.testing.assert_close(
        pose - pose[..., 8:9, :], source - source[..., 8:9, :], rtol=0, atol=1e-14
    )


@pytest.mark.parametrize('options', [{}, FRAME, {'refinements': 2}])
@pytest.mark.parametrize('distortion', [None, LENS])
def test_units_do_not_matter(source, target, options, distortion):
    """Pixels and normalised coordinates give the same pose."""
    _, keypoints, f, c = target
    options = {**options, 'distortion': distortion}
    scale, shift = 2 / SIZE[0], torch.tensor([1, 0.5625])
    pose, seen = place_like_target(source, keypoints, f, c, **options)
    other, normalised = place_like_target(
        source, keypoints * scale - shift, f * scale, c * scale - shift, **options
    )
    torch.testing.assert_close(other, pose, rtol=0, atol=1e-10)
    torch.testing.assert_close(normalised, seen * scale - shift, rtol=0, atol=1e-10)


@pytest.mark.parametrize('options', [{}, FRAME])
@pytest.mark.parametrize(
    'refinements, spread, worst',
    [(0, 0.055, 0.26), (1, 0.01, 0.05), (2, 0.002, 0.01), (3, 0.0005, 0.002)],
)
def test_people_look_as_large_as_the_target(
    source, target, options, refinements, spread, worst
):
    _, keypoints, f, c = target
    pose, seen = place_like_target(
        source, keypoints, f, c, refinements=refinements, **options
    )
    seen, wanted = size(seen), size(keypoints)
    if not options:
        seen, wanted = seen.mean(-1), wanted.mean(-1)
    ratio = seen / wanted
    assert ratio.mean() == pytest.approx(1, abs=spread / 2)
    assert ratio.std() < spread
    assert (ratio - 1).abs().max() < worst
    assert pose[..., 2].min() > 1


def test_refinement_sees_the_distortion(source, target):
    pose, _, f, c = target
    keypoints = seen_by(pose, f, c, LENS)
    _, seen = place_like_target(
        source, keypoints, f, c, distortion=LENS, refinements=4, **FRAME
    )
    torch.testing.assert_close(size(seen), size(keypoints), rtol=1e-3, atol=0)


@pytest.mark.parametrize('options', [{}, FRAME])
def test_a_person_on_itself_is_about_where_it_was(target, options):
    truth, keypoints, f, c = target
    pose, _ = place_like_target(truth, keypoints, f, c, **options)
    ratio = pose[..., 0, 2] / truth[..., 0, 2]
    assert ratio.mean() == pytest.approx(1, abs=0.02)
    assert ratio.std() < 0.05
    # Frame by frame, the fixed point of the refinement is the true place.
    refined, _ = place_like_target(truth, keypoints, f, c, refinements=6, **FRAME)
    torch.testing.assert_close(refined, truth, rtol=0, atol=1e-3)


def test_the_root_track_of_a_window_is_smooth(source, target):
    """A still target keeps a moving source still; frame by frame it would not."""
    _, keypoints, f, c = target
    still = keypoints[:, :1].expand_as(keypoints)
    window, _ = place_like_target(source, still, f, c, refinements=1)
    frames, _ = place_like_target(source, still, f, c, refinements=1, **FRAME)
    assert window[:, :, 0].diff(dim=1).abs().max() < 1e-12
    assert frames[:, :, 0].diff(dim=1).norm(dim=-1).mean() > 0.02


def test_the_root_track_is_as_smooth_as_the_target(source, target):
    _, keypoints, f, c = target
    pose, _ = place_like_target(source, keypoints, f, c)
    jump = pose[:, :, 0].diff(n=2, dim=1).norm(dim=-1)
    depth = pose[:, :1, 0, 2]
    seen_jump = (keypoints[:, :, 0] / f[:, None]).diff(n=2, dim=1).norm(dim=-1)
    torch.testing.assert_close(jump, seen_jump * depth)


def test_nothing_waits_for_the_device(source, target):
    """Meta tensors have no values, so a read of one would fail."""
    _, keypoints, f, c = target
    lens = torch.zeros(36, 5)
    inputs = (x.to('meta') for x in (source, keypoints, f, c))
    pose, _ = place_like_target(*inputs, distortion=lens.to('meta'), refinements=1)
    assert pose.shape == source.shape


@pytest.mark.parametrize(
    'change, message',
    [
        ({'pose': torch.zeros(K, 3)}, 'pose must be'),
        ({'keypoints': torch.zeros(2, T, K, 3)}, 'keypoints have shape'),
        ({'keypoints': torch.zeros(2, T + 1, K, 2)}, 'frame goes with frame'),
        ({'f': torch.zeros(2, 1, 1, 2)}, 'f has shape'),
        ({'f': torch.zeros(2, 3)}, 'f has shape'),
        ({'f': torch.zeros(2, 1)}, 'f has shape'),
        ({'c': torch.zeros(3, 2)}, 'c has shape'),
        ({'distortion': torch.zeros(2, 4)}, 'distortion has shape'),
        ({'root': 17}, 'root=17'),
        ({'root': -1}, 'root=-1'),
        ({'refinements': -1}, 'refinements=-1'),
    ],
)
def test_invalid(change, message):
    valid = {
        'pose': torch.zeros(2, T, K, 3),
        'keypoints': torch.zeros(2, T, K, 2),
        'f': torch.ones(2, 2),
        'c': torch.zeros(2, 2),
    }
    with pytest.raises(ValueError, match=message):
        place_like_target(**{**valid, **change})


def lost_frames(windows, frames, *, seed=0):
    """People before a target camera, with the last frames lost: 2D is 0 there."""
    generator = torch.Generator().manual_seed(seed)
    pose = 0.4 * torch.randn((windows, frames, 17, 3), generator=generator)
    keypoints = 0.2 * torch.randn((windows, frames, 17, 2), generator=generator)
    weight = torch.ones(windows, frames, 17)
    weight[:, frames // 3 :] = 0
    keypoints[:, frames // 3 :] = 0
    return pose - pose[:, :, :1], keypoints, weight


@pytest.mark.parametrize('refinements', [0, 2])
@pytest.mark.parametrize('per_window', [True, False])
def test_lost_frames_do_not_count(per_window, refinements):
    pose, keypoints, weight = lost_frames(4, 9)
    options = dict(per_window=per_window, refinements=refinements)
    f, c = torch.full((4, 2), 2.3), torch.zeros(4, 2)
    placed, projected = place_like_target(
        pose, keypoints, f, c, weight=weight, **options
    )
    alone, _ = place_like_target(pose[:, :3], keypoints[:, :3], f, c, **options)
    torch.testing.assert_close(placed[:, :3], alone)
    assert placed.isfinite().all() and projected.isfinite().all()
    blind, _ = place_like_target(pose, keypoints, f, c, per_window=True)
    assert (blind[:, 0, 0, 2] > 1.5 * alone[:, 0, 0, 2]).all(), 'what it guards against'


def test_unknown_joints_do_not_count():
    pose, keypoints, _ = lost_frames(4, 9)
    weight = torch.ones(4, 9, 17)
    weight[..., 10] = 0
    f, c = torch.full((4, 2), 2.3), torch.zeros(4, 2)
    first, _ = place_like_target(pose, keypoints, f, c, weight=weight)
    wild = keypoints.clone()
    wild[..., 10, :] = 1e3
    second, _ = place_like_target(pose, wild, f, c, weight=weight)
    torch.testing.assert_close(first, second)


@pytest.mark.parametrize('per_window', [True, False])
@pytest.mark.parametrize('size', [0.0, 1e-6, 30.0])
def test_what_cannot_be_placed_stays_before_the_camera(size, per_window):
    """A target that fills the image many times over, or is a point."""
    pose, keypoints, _ = lost_frames(4, 9)
    keypoints = size * torch.randn(4, 9, 17, 2)
    placed, projected = place_like_target(
        pose,
        keypoints,
        torch.full((4, 2), 2.3),
        torch.zeros(4, 2),
        per_window=per_window,
        refinements=1,
        min_depth=0.6,
    )
    assert placed[..., 2].min() >= 0.6 - 1e-5
    assert placed.isfinite().all() and projected.isfinite().all()
    torch.testing.assert_close(
        placed - placed[:, :, :1], pose, atol=2e-5, rtol=0, msg='the label stays'
    )
