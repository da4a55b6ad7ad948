from types import SimpleNamespace

import matplotlib.image
import numpy as np
import pytest
import torch
from mmengine.logging import MessageHub
from mmengine.structures import InstanceData
from mmpose.structures import PoseDataSample

from mmpose_ext.engine.hooks import PosePictureHook
from mmpose_ext.engine.hooks.pose_picture_hook import (
    bones_of,
    pair_of_sample,
    spread,
)


def sample(index, frames=3, joints=17, mask=None):
    rng = np.random.default_rng(index)
    truth = torch.from_numpy(rng.normal(size=(frames, joints, 3)).astype(np.float32))
    result = PoseDataSample(metainfo=dict(sample_name=f's{index}'))
    if mask is not None:
        result.set_metainfo(dict(score_mask=np.array(mask)))
    result.gt_instances = InstanceData(lifting_target=truth)
    result.pred_instances = InstanceData(keypoints=(truth + 0.01).numpy())
    return result


def evaluate(hook, runner, number=12, batch=4):
    loader = SimpleNamespace(sampler=range(number), dataset=SimpleNamespace())
    runner.test_dataloader = loader
    hook.before_test_epoch(runner)
    for start in range(0, number, batch):
        stop = min(start + batch, number)
        hook.after_test_iter(
            runner, start // batch, None, [sample(i) for i in range(start, stop)]
        )
    hook.after_test(runner)


@pytest.fixture
def runner(tmp_path):
    return SimpleNamespace(
        work_dir=str(tmp_path),
        log_dir=str(tmp_path / 'log'),
        message_hub=MessageHub('poses'),
    )


def test_spread():
    assert spread(10, 2) == [2, 7]
    assert spread(3, 5) == [0, 1, 2]
    assert spread(0, 5) == []


def test_values(runner, tmp_path):
    hook = PosePictureHook(number=3)
    evaluate(hook, runner)
    assert [pair.name for pair in hook.pairs] == [f's{i} frame 1' for i in (2, 6, 10)]
    assert matplotlib.image.imread(tmp_path / 'poses.png').shape[0] == 720
    assert runner.message_hub.get_info('pictures') == [str(tmp_path / 'poses.png')]


def test_frame_is_scored():
    pair = pair_of_sample(sample(0, frames=5, mask=[1, 0, 0, 0, 1]))
    assert pair.name == 's0 frame 0'
    np.testing.assert_allclose(pair.prediction - pair.truth, 0.01, atol=1e-6)


def test_samples_without_3d_are_left_out(runner, tmp_path):
    flat = sample(0)
    flat.pred_instances = InstanceData(keypoints=np.zeros((1, 17, 2)))
    assert pair_of_sample(flat) is None
    assert pair_of_sample(PoseDataSample()) is None
    PosePictureHook().after_test(runner)
    assert not (tmp_path / 'poses.png').exists()


def test_show_dir(runner, tmp_path):
    hook = PosePictureHook(number=1, enable=True, interval=5, out_dir='pictures')
    evaluate(hook, runner)
    names = sorted(path.name for path in (tmp_path / 'log/pictures').iterdir())
    assert names == ['test_000000.png', 'test_000005.png', 'test_000010.png']


def test_show_and_visualizer(runner):
    drawn = []
    runner.visualizer = SimpleNamespace(
        show=lambda image, **options: drawn.append(('show', image, options)),
        add_image=lambda name, image: drawn.append((name, image)),
    )
    evaluate(PosePictureHook(enable=True, show=True, wait_time=0.5), runner, number=1)
    evaluate(PosePictureHook(enable=True), runner, number=1)
    assert drawn[0][0] == 'show' and drawn[0][2]['wait_time'] == 0.5
    assert drawn[1][0] == 'test_000000'
    assert drawn[1][1].dtype == np.uint8 and drawn[1][1].shape[-1] == 3


def test_bones():
    edges, colours = bones_of(17, {})
    assert len(edges) == len(colours) == 16 and colours[0].startswith('#')
    assert bones_of(4, dict(skeleton_links=[[0, 1]]))[0] == [(0, 1)]


def test_invalid():
    with pytest.raises(ValueError, match='positive'):
        PosePictureHook(number=0)


def test_in_runner(trained):
    image = matplotlib.image.imread(trained.work_dir / 'poses.png')
    assert image.shape == (720, 1680, 4)
    assert np.ptp(image[..., :3]) > 0.5
