"""Triangulation through the Human3.6M cameras: OpenCV, motion capture, bad views."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from mmpose_ext.geometry import h36m_cameras, triangulate
from mmpose_ext.simulation.body import Body
from mmpose_ext.simulation.motions import motion

MOCAP = Path(__file__).parents[3] / 'shared/data/mocap/mocap_h36m17.npz'
RIG = h36m_cameras()['S9']
LENS = {
    **{key: [c['intrinsics'][key] for c in RIG.values()] for key in ('f', 'c')},
    **{key: [c['extrinsics'][key] for c in RIG.values()] for key in ('R', 't')},
}
DISTORTION = [camera['intrinsics']['distortion'] for camera in RIG.values()]


def project(world, lens=LENS, distortion=DISTORTION):
    """What the cameras see of world points (..., K, 3), by OpenCV: (..., V, K, 2)."""
    views = []
    for f, c, rotation, shift, coefficients in zip(
        *(lens[key] for key in 'fcRt'), distortion, strict=True
    ):
        matrix = np.diag([*f, 1.0])
        matrix[:2, 2] = c
        vector = cv2.Rodrigues(np.array(rotation))[0]
        pixels, _ = cv2.projectPoints(
            *(np.ascontiguousarray(world).reshape(-1, 3), vector),
            *(np.array(shift), matrix),
            np.array(coefficients),
        )
        views.append(pixels.reshape(*world.shape[:-1], 2))
    return np.stack(views, axis=-3)


def solve(pixels, **options):
    return triangulate(pixels, **LENS, distortion=DISTORTION, **options)


def distance(points, world):
    return np.linalg.norm(points - world, axis=-1)


@pytest.fixture(scope='module')
def world():
    """Simulated people (12, 17, 3) where the cameras look."""
    pose = motion(
        'jump',
        Body.sample(np.random.default_rng(0)),
        num_frames=12,
        fps=10,
        generator=np.random.default_rng(1),
    )
    return pose.astype(np.float64)


@pytest.fixture(scope='module')
def noisy(world):
    """Keypoints with an error of 3 px along each axis, 20 times over."""
    pixels = np.repeat(project(world)[None], 20, axis=0)
    return pixels + np.random.default_rng(2).normal(0, 3, pixels.shape)


def test_shapes(world):
    pixels = project(world)
    found = solve(pixels[:, None].repeat(3, 1))
    assert found.points.shape == (12, 3, 17, 3)
    assert found.errors.shape == found.used.shape == (12, 3, 4, 17)
    assert found.valid.shape == (12, 3, 17)
    assert found.valid.dtype == found.used.dtype == bool


def test_exact_input(world):
    found = solve(project(world))
    assert found.valid.all() and found.used.all()
    assert distance(found.points, world).max() < 1e-6
    assert found.errors.max() < 1e-3


@pytest.mark.skipif(not MOCAP.is_file(), reason=f'{MOCAP} is absent')
@pytest.mark.parametrize('options', [{}, {'refinements': 2, 'max_error': 10}])
def test_motion_capture(options):
    with np.load(MOCAP) as motions:
        world = np.concatenate([motions[key][::50] for key in motions.files[::10]])
    world = world.astype(np.float64)
    world[..., :2] -= world[:, :1, :2]
    assert len(world) > 100
    pixels = project(world)
    assert distance(solve(pixels, **options).points, world).max() < 1e-6
    # In single precision pixels are known to 3e-5, as files have them.
    single = solve(pixels.astype(np.float32), **options)
    assert single.points.dtype == np.float32
    assert distance(single.points, world).max() < 1e-4


def test_same_as_opencv(noisy, world):
    """Two views without distortion; OpenCV's DLT minimises a similar sum."""
    lens = {key: value[:2] for key, value in LENS.items()}
    matrices = [
        np.array([[f[0], 0, c[0]], [0, f[1], c[1]], [0, 0, 1]])
        @ np.c_[np.array(rotation), np.array(shift)]
        for f, c, rotation, shift in zip(*(lens[key] for key in 'fcRt'), strict=True)
    ]
    exact = project(world, distortion=np.zeros((4, 5)))
    pixels = (exact + 0.1 * (noisy[0] - project(world)))[:, :2]
    points = [
        cv2.triangulatePoints(*matrices, *(view.T.copy() for view in frame))
        for frame in pixels
    ]
    expected = np.stack([(p[:3] / p[3]).T for p in points])
    found = triangulate(pixels, **lens)
    assert distance(found.points, world).mean() > 1e-3
    assert distance(found.points, expected).max() < 5e-5


def test_torch_equals_numpy(noisy):
    weights = np.random.default_rng(0).random(noisy.shape[:-1])
    options = dict(max_error=20, refinements=1)
    expected = solve(noisy, weights=weights, **options)
    tensors = {key: torch.tensor(value) for key, value in LENS.items()}
    found = triangulate(
        torch.from_numpy(noisy).float(),
        **tensors,
        distortion=torch.tensor(DISTORTION),
        weights=torch.from_numpy(weights),
        **options,
    )
    assert found.points.dtype == torch.float32
    np.testing.assert_allclose(found.points, expected.points, atol=1e-5)
    np.testing.assert_allclose(found.errors, expected.errors, atol=1e-2)
    np.testing.assert_array_equal(found.used, expected.used)


def test_whole_numbers(world):
    found = solve(project(world).round().astype(np.int64))
    assert distance(found.points, world).max() < 5e-3


def test_cameras_of_each_sample(world):
    """Half of the poses are seen by the cameras of another room."""
    other = h36m_cameras()['S1'].values()
    lens = {
        key: np.stack(
            [LENS[key], [{**o['intrinsics'], **o['extrinsics']}[key] for o in other]]
        )
        for key in 'fcRt'
    }
    pixels = np.stack(
        [project(world), project(world, {key: lens[key][1] for key in lens})]
    )
    lens = {key: value[:, None] for key, value in lens.items()}
    found = triangulate(pixels, **lens, distortion=DISTORTION)
    assert distance(found.points, world).max() < 1e-6


def test_noise(noisy, world):
    """The root's error is the least that 3 px allow (Cramer and Rao), 20 mm."""
    root, step = world[:, :1], 1e-4
    slopes = [
        (project(root + step * axis) - project(root)).reshape(12, 8) / step
        for axis in np.eye(3)
    ]
    jacobian = np.stack(slopes, axis=-1)
    covariance = 3**2 * np.linalg.inv(jacobian.swapaxes(1, 2) @ jacobian)
    least = np.sqrt(np.trace(covariance, axis1=1, axis2=2).mean())
    error = distance(solve(noisy, refinements=1).points, world)
    assert least == pytest.approx(0.020, abs=0.001)
    assert np.sqrt((error[..., 0] ** 2).mean()) == pytest.approx(least, rel=0.1)
    assert distance(solve(noisy).points, world).mean() < 1.02 * error.mean()


def test_more_views_are_better(noisy, world):
    lens = {key: value[:2] for key, value in LENS.items()}
    two = triangulate(noisy[..., :2, :, :], **lens, distortion=DISTORTION[:2])
    assert (
        distance(two.points, world).mean()
        > 1.2 * distance(solve(noisy).points, world).mean()
    )


def test_weights_help(noisy, world):
    pixels = noisy.copy()
    rng = np.random.default_rng(3)
    sigma = rng.choice([0, 15], noisy.shape[:-1])
    pixels += sigma[..., None] * rng.normal(0, 1, noisy.shape)
    plain = distance(solve(pixels).points, world).mean()
    weighted = solve(pixels, weights=1 / (9.0 + sigma**2))
    assert distance(weighted.points, world).mean() < 0.75 * plain


def test_refinement(world):
    """Less reprojection error; a step from the optimum leads nowhere."""
    near = world.copy()
    near[..., 0] += 1.8  # at different distances from the cameras
    pixels = project(near)
    pixels += np.random.default_rng(4).normal(0, 8, pixels.shape)

    def cost(refinements):
        return (solve(pixels, refinements=refinements).errors ** 2).sum(-2)

    assert cost(2).mean() < cost(0).mean()
    assert (cost(2) < cost(0) + 0.1).all()
    steps = [solve(pixels, refinements=n).points for n in (2, 3)]
    assert distance(*steps).max() < 1e-3 * distance(steps[0], near).max()


@pytest.mark.parametrize('bad', range(4))
def test_corrupted_view(bad, noisy, world):
    pixels, clean = noisy.copy(), distance(solve(noisy).points, world)
    pixels[..., bad, :, :] += [70.0, -50.0]
    assert distance(solve(pixels).points, world).mean() > 5 * clean.mean()
    found = solve(pixels, max_error=20)
    assert not found.used[..., bad, :].any()
    assert found.errors[..., bad, :].min() > 30
    others = [view for view in range(4) if view != bad]
    assert found.used[..., others, :].mean() > 0.99
    assert distance(found.points, world).mean() < 2 * clean.mean()


def test_corrupted_joints(world):
    """Each joint rejects its own view."""
    pixels = project(world)
    bad = np.random.default_rng(5).integers(0, 4, (12, 17))
    pixels[np.arange(12)[:, None], bad, np.arange(17)] += 80
    found = solve(pixels, max_error=5)
    assert distance(found.points, world).max() < 1e-6
    assert (found.used.sum(1) == 3).all()
    assert not np.take_along_axis(found.used, bad[:, None], axis=1).any()


def test_confident_outlier_is_outvoted(world):
    pixels = project(world)
    pixels[:, 2] += 60
    weights = np.full(pixels.shape[:-1], 0.2)
    weights[:, 2] = 1.0
    found = solve(pixels, weights=weights, max_error=10)
    assert distance(found.points, world).max() < 1e-6


def test_views_that_do_not_agree(world):
    """All views are used, and the errors say so."""
    pixels = project(world)
    pixels += np.random.default_rng(6).choice([-90, 90], pixels.shape)
    plain, found = solve(pixels), solve(pixels, max_error=1e-3)
    np.testing.assert_array_equal(found.points, plain.points)
    assert found.used.all() and found.errors.max(1).min() > 1


def test_missing_views(world):
    pixels = project(world)
    pixels[0, 1:, 3] = np.nan  # one view left
    pixels[1, :, 4] = np.inf  # none
    pixels[2, :2, 5] = np.nan  # two
    weights = np.ones(pixels.shape[:-1])
    weights[3, :3, 6] = [0, -1, np.nan]  # one
    weights[4, :2, 7] = [-1, np.nan]  # two
    found = solve(pixels, weights=weights, max_error=10, refinements=1)
    without = np.zeros((12, 17), bool)
    without[[0, 1, 3], [3, 4, 6]] = True
    np.testing.assert_array_equal(found.valid, ~without)
    np.testing.assert_array_equal(np.isnan(found.points).all(-1), without)
    np.testing.assert_array_equal(np.isnan(found.points).any(-1), without)
    assert distance(found.points, world)[~without].max() < 1e-6
    assert found.used[2, :, 5].tolist() == [False, False, True, True]
    assert np.isnan(found.errors[2, :2, 5]).all()
    assert found.used[4, :, 7].tolist() == [False, False, True, True]
    assert not found.used[np.isnan(found.errors)].any()


def test_parallel_rays():
    """Two cameras in one place tell nothing about depth, half a metre apart they do."""
    lens = dict(f=[[1000, 1000]] * 2, c=[[500, 500]] * 2, R=[np.eye(3)] * 2)
    pixels = np.full((2, 1, 2), 480.0)
    found = triangulate(pixels, **lens, t=[[0, 0, 4]] * 2)
    assert not found.valid.any() and np.isnan(found.points).all()
    assert not found.used.any()
    pixels[1, :, 0] += 100
    found = triangulate(pixels, **lens, t=[[0, 0, 4], [0.5, 0, 4]])
    np.testing.assert_allclose(found.points, [[-0.1, -0.1, 1.0]], atol=1e-9)


def test_behind_a_camera(world):
    """A point behind a camera that sees it fits its rays, but not the camera."""
    lens = {key: np.array(value) for key, value in LENS.items()}
    lens['R'][0] *= [[-1], [1], [-1]]  # the same place, looking away
    lens['t'][0] *= [-1, 1, -1]
    seen = world @ lens['R'][0].T + lens['t'][0]
    rays = seen[..., :2] / seen[..., 2:]
    pixels = project(world, distortion=np.zeros((4, 5)))
    pixels[:, 0] = rays * LENS['f'][0] + LENS['c'][0]
    found = triangulate(pixels, **lens)
    assert (seen[..., 2] < 0).all() and np.isinf(found.errors[:, 0]).all()
    found = triangulate(pixels, **lens, max_error=1)
    assert not found.used[:, 0].any()
    assert distance(found.points, world).max() < 1e-6


def test_world_turns_along(noisy, world):
    """Another world frame turns and moves the points and changes nothing else."""
    angle = 0.7
    turn = np.array(
        [[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0]]
        + [[0, 0, 1]]
    )
    move = np.array([1.0, -2.0, 0.5])
    rotation = np.array(LENS['R']) @ turn.T
    shift = np.array(LENS['t']) - rotation @ move
    options = dict(distortion=DISTORTION, max_error=15)
    plain = triangulate(noisy, **LENS, **options)
    turned = triangulate(noisy, **{**LENS, 'R': rotation, 't': shift}, **options)
    np.testing.assert_allclose(turned.points, plain.points @ turn.T + move, atol=1e-9)
    np.testing.assert_allclose(turned.errors, plain.errors, atol=1e-6)


def test_gradient(noisy):
    pixels = torch.from_numpy(noisy[0, :2]).requires_grad_()
    found = solve(pixels, max_error=30, refinements=1)
    (gradient,) = torch.autograd.grad(found.points.sum(), pixels)
    assert gradient.isfinite().all() and gradient.abs().min() > 0


def test_invalid(world):
    pixels = project(world)
    with pytest.raises(ValueError, match=r'\(17, 2\); expected \(..., V, K, 2\)'):
        solve(pixels[0, 0])
    with pytest.raises(ValueError, match=r'f has shape \(4, 2\).* of 3 views'):
        solve(pixels[:, :3])
    with pytest.raises(ValueError, match=r'R has shape \(3, 3\)'):
        triangulate(pixels, **{**LENS, 'R': np.eye(3)})
    with pytest.raises(ValueError, match=r'weights have shape \(4, 17\)'):
        solve(pixels, weights=np.ones((4, 17)))
    with pytest.raises(ValueError, match='max_error=0'):
        solve(pixels, max_error=0)
    with pytest.raises(ValueError, match='refinements=-1'):
        solve(pixels, refinements=-1)
