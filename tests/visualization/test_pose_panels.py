import numpy as np

from mmpose_ext.geometry import H36M17
from mmpose_ext.visualization.pose_panels import (
    View,
    caption,
    crop_around,
    draw_keypoints_panel,
    draw_pose_panel,
    tile,
    view_of,
)

SIZE = 80


def standing():
    """A pose of arbitrary, different joints between 0.6 m below and above the root."""
    rng = np.random.default_rng(0)
    return rng.uniform(-0.6, 0.6, (17, 3)).astype(np.float32)


def test_view_from_the_front():
    view = View(azimuth=0, elevation=0, height=1.0, half=2.0)
    points = np.array([[0, -1.0, 0], [1, -1, 0], [0, 0, 0], [0, -1, 1]])
    x, y, away = view.project(points, 400).T
    np.testing.assert_allclose(x, [200, 300, 200, 200])
    np.testing.assert_allclose(y, [200, 200, 300, 200], err_msg='the floor is below')
    np.testing.assert_allclose(away - away[0], [0, 0, 0, 1], atol=1e-9)


def test_view_from_the_side_and_above():
    side = View(azimuth=90, elevation=0, height=0.0, half=1.0)
    near, far = side.project(np.array([[0, 0, -0.5], [0, 0, 0.5]]), 100)
    np.testing.assert_allclose([near[0], far[0]], [25, 75])
    above = View(azimuth=0, elevation=90, height=0.0, half=1.0)
    near, far = above.project(np.array([[0, 0, -0.5], [0, 0, 0.5]]), 100)
    assert near[1] == 75 and far[1] == 25, 'what is far is higher up'


def test_everything_is_visible():
    poses = np.stack([standing(), 1.5 * standing()])
    for azimuth in (0, 40, 90, 180):
        view = view_of(poses, azimuth=azimuth)
        grounded = poses - [0, 1, 0] * poses[..., 1:2].max(axis=1, keepdims=True)
        pixels = view.project(grounded, SIZE)[..., :2]
        assert pixels.min() >= 0 and pixels.max() <= SIZE


def test_pose_panel():
    pose = standing()
    view = view_of(pose)
    panel = draw_pose_panel(pose, view, SIZE)
    assert panel.shape == (SIZE, SIZE, 3) and panel.dtype == np.uint8
    lifted = draw_pose_panel(pose - [0, 5, 0], view, SIZE)
    assert np.array_equal(panel, lifted), 'the lowest joint stands on the floor'
    other = draw_pose_panel(pose, view, SIZE, truth=pose + [0.2, 0, 0])
    assert (panel != other).any()


def test_sides_have_their_colours():
    """Seen from the front, the person's left side is drawn in its own colour, BGR."""
    pose = np.zeros((17, 3))
    left = [j for j, side in enumerate(H36M17.sides) if side == 'left']
    pose[left, 0] = np.linspace(0.2, 0.6, len(left))
    panel = draw_pose_panel(pose, View(0, 0, 0.0, 0.8), 200)
    colours = panel[100, 130:170].astype(int)
    wanted = np.array(H36M17.colours['left'][::-1])
    assert np.abs(colours - wanted).sum(axis=1).min() < 30


def test_keypoints_panel():
    image = np.zeros((100, 200, 3), np.uint8)
    image[:, 100:] = 200
    keypoints = np.full((17, 2), 90.0)
    keypoints[0] = 20
    panel = draw_keypoints_panel(keypoints, (50, 0, 100), SIZE, image=image)
    assert panel[40, 10].tolist() == [0, 0, 0]
    assert panel[40, 70].tolist() == [200, 200, 200], 'the right half of the crop'
    blank = draw_keypoints_panel(keypoints, (-50, -50, 300), SIZE)
    assert (blank[-1] == 255).all()
    outside = draw_keypoints_panel(keypoints, (150, 0, 100), SIZE, image=image)
    assert (outside[:, -10:] == 255).all(), 'white beyond the image'


def test_crop():
    keypoints = np.array([[[100.0, 50.0], [140.0, 250.0]], [[120, 50], [120, 250]]])
    left, top, side = crop_around(keypoints)
    np.testing.assert_allclose(side, 230)
    np.testing.assert_allclose([left + side / 2, top + side / 2], [120, 150])


def test_caption_and_tiles():
    panel = np.full((SIZE, SIZE, 3), 255, np.uint8)
    caption(panel, 'top', heading=True)
    assert (panel[: SIZE // 2] < 255).any() and (panel[SIZE // 2 :] == 255).all()
    caption(panel, 'end')
    assert (panel[SIZE // 2 :] < 255).any()
    dark = np.zeros((2, 3, 3), np.uint8)
    grid = tile([[dark, dark], [dark, dark], [dark, dark]], gap=1)
    assert grid.shape == (8, 7, 3)
    assert (grid[2] == 255).all() and (grid[:, 3] == 255).all()
    assert grid[:2, :3].max() == 0 and grid[6:, 4:].max() == 0
