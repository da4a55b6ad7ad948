import matplotlib.image
import numpy as np
import pytest
from mmengine.config import Config


@pytest.fixture(scope='module')
def tool(load_tool):
    return load_tool('misc/browse_dataset')


@pytest.fixture
def config(load_tool, tiny_config_file):
    return tiny_config_file


def test_values(tool, config):
    raw = tool.build_dataset(Config.fromfile(config), 'val', 'original')
    frame = tool.frame_of(raw[0])
    np.testing.assert_allclose(frame.keypoints, raw[0]['keypoints'][1])
    assert np.abs(frame.pose[0]).max() == 0, 'relative to the root'
    assert frame.image_size == (1000, 1002)
    assert frame.name.startswith('S3_') and frame.name.endswith('frame 1')
    packed = tool.build_dataset(Config.fromfile(config), 'val', 'transformed')
    seen = tool.frame_of(packed[0])
    np.testing.assert_allclose(seen.pose, frame.pose, atol=1e-6)
    assert seen.keypoints.shape == (17, 2) and seen.image_size is None
    np.testing.assert_allclose(
        seen.keypoints[:, 0], frame.keypoints[:, 0] / 500 - 1, atol=1e-6
    )


def test_pictures(tool, config, tmp_path, capsys):
    flags = [config, '--output-dir', str(tmp_path), '--number', '2', '--phase', 'val']
    paths = tool.main(flags)
    assert len(paths) == 2
    assert matplotlib.image.imread(paths[0]).shape == (432, 840, 4)
    assert 'wrote 2 of 18 samples' in capsys.readouterr().out


def test_invalid(tool, config):
    cfg = Config.fromfile(config)
    cfg.train_dataloader = None
    with pytest.raises(ValueError, match='no train_dataloader'):
        tool.build_dataset(cfg, 'train', 'original')
    with pytest.raises(ValueError, match='lifting datasets only'):
        tool.frame_of(dict(img=np.zeros((4, 4, 3))))
