"""Scenes: people, things, camera, and the pictures of them."""

import numpy as np
import pytest
from scipy.ndimage import binary_dilation

from mmpose_ext.simulation.keypoint_visibility import OUTSIDE, VISIBLE
from mmpose_ext.simulation.looks import one_of
from mmpose_ext.simulation.scenes import Scene

SIZE = (96, 72)


@pytest.fixture(scope='module')
def pictures():
    """Twenty small scenes with their pictures and people."""
    results = []
    for seed in range(20):
        generator = np.random.default_rng([7, seed])
        scene = Scene.sample(generator, size=SIZE)
        results.append((scene, *scene.render(generator)))
    return results


def test_shapes(pictures):
    for scene, image, people in pictures:
        assert image.shape == (72, 96, 3) and image.dtype == np.uint8
        assert 1 <= len(people) == len(scene.people) <= 4
        for person in people:
            assert person.keypoints.shape == (17, 2)
            assert person.visibility.shape == (17,)
            assert set(person.visibility) <= {0, 1, 2}
            assert person.mask.shape == (72, 96) and person.mask.dtype == bool
    assert len({len(people) for _, _, people in pictures}) > 2


def test_keypoints_and_masks_agree(pictures):
    """Visible keypoints lie on their person, those outside lie outside."""
    on_mask = []
    for _, _, people in pictures:
        for person in people:
            around = binary_dilation(person.mask, iterations=2)
            for (x, y), flag in zip(person.keypoints, person.visibility, strict=True):
                inside = 0 <= x <= 95 and 0 <= y <= 71
                assert inside == (flag != OUTSIDE)
                if flag == VISIBLE:
                    on_mask.append(around[round(y), round(x)])
        assert sum(person.mask.astype(int) for person in people).max() == 1
    assert len(on_mask) > 200 and np.mean(on_mask) > 0.98


def test_people_are_well_seen(pictures):
    inside, visible, heights = [], [], []
    for _, _, people in pictures:
        for person in people:
            inside.append((person.visibility != OUTSIDE).sum())
            visible.append((person.visibility == VISIBLE).mean())
            heights.append(person.mask.any(axis=1).sum())
    assert min(inside) >= 9 and np.mean(visible) > 0.5
    assert np.std(heights) > 8


def test_pictures_vary(pictures):
    kinds = {scene.background.kind for scene, _, _ in pictures}
    assert kinds == {'room', 'outdoors', 'abstract'}
    means = np.array([image.mean(axis=(0, 1)) for _, image, _ in pictures])
    assert means.std(axis=0).min() > 15
    assert 40 < means.mean() < 200


def test_half_of_the_people_face_the_camera():
    facing = []
    for seed in range(40):
        scene = Scene.sample(np.random.default_rng([1, seed]), size=SIZE)
        for person in scene.people:
            if person.action == 'lie':
                continue
            towards = scene.camera.place[:2] - person.kinematics.points[0, :2]
            ahead = np.array([np.cos(person.heading), np.sin(person.heading)])
            facing.append(ahead @ towards / np.linalg.norm(towards) > 0.5)
    assert 0.45 < np.mean(facing) < 0.85


def test_same_generator_gives_the_same_picture(pictures):
    generator = np.random.default_rng([7, 0])
    again = Scene.sample(generator, size=SIZE).render(generator)
    np.testing.assert_array_equal(again[0], pictures[0][1])
    np.testing.assert_array_equal(again[1][0].keypoints, pictures[0][2][0].keypoints)


def test_options():
    for seed in range(4):
        generator = np.random.default_rng(seed)
        assert len(Scene.sample(generator, size=SIZE, max_people=1).people) == 1

    def hidden(occlusion):
        flags = []
        for seed in range(15):
            generator = np.random.default_rng(seed)
            scene = Scene.sample(
                generator, size=SIZE, max_people=1, occlusion=occlusion
            )
            flags += [person.visibility for person in scene.render(generator)[1]]
        return np.mean(np.array(flags) == 1)

    assert hidden(1.0) > hidden(0.0) + 0.05


def test_a_few_looks_return_in_new_poses():
    look = one_of(np.random.SeedSequence(0).spawn(2))
    scenes = [
        Scene.sample(np.random.default_rng(seed), size=SIZE, max_people=1, look=look)
        for seed in range(8)
    ]
    people = [scene.people[0] for scene in scenes]
    tops = [tuple(person.outfit.top.colour) for person in people]
    places = [tuple(scene.background.sky.ravel()) for scene in scenes]
    assert len(set(tops)) == len(set(places)) == 2
    assert len({person.body.stature for person in people}) == 2
    poses = [person.keypoints - person.keypoints[0] for person in people]
    assert len({pose.round(6).tobytes() for pose in poses}) == 8
    plain = [Scene.sample(np.random.default_rng(seed), size=SIZE) for seed in range(4)]
    assert len({scene.people[0].body.stature for scene in plain}) == 4


def test_an_empty_scene_has_a_picture(pictures):
    scene, *_ = pictures[0]
    empty = Scene(*((), (), scene.camera, scene.light, scene.background, scene.effects))
    image, people = empty.render(np.random.default_rng(0))
    assert image.shape == (72, 96, 3) and people == []
