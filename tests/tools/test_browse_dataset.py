import matplotlib.image
import numpy as np
import pytest
from mmengine.config import Config
from person_formats import write_coco


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
    with pytest.raises(ValueError, match='people and lifting datasets only'):
        tool.frame_of(dict(keypoints=np.zeros((4, 4, 3))))


LABELLED = [
    dict(type='LoadImage'),
    dict(type='GetBBoxCenterScale'),
    dict(type='TopdownAffine', input_size=(48, 64)),
    dict(type='PackSemiSupervisedInputs', role='labelled'),
]
UNLABELLED = [
    *LABELLED[:2],
    dict(type='CropPersonSource', input_size=(48, 64)),
    dict(type='PackSemiSupervisedInputs', role='unlabelled'),
]


@pytest.fixture
def people(tmp_path):
    """A config of 4 labelled and 8 unlabelled people."""
    coco = dict(
        type='CocoDataset',
        data_root=str(tmp_path),
        ann_file=str(write_coco(tmp_path)),
        data_prefix=dict(img='train2017/'),
    )
    dataset = dict(
        type='SemiSupervisedDataset',
        labelled=dict(type='LabelledSubset', dataset=coco, num_instances=4),
        labelled_pipeline=LABELLED,
        unlabelled_pipeline=UNLABELLED,
    )
    config = Config(
        dict(default_scope='mmpose', train_dataloader=dict(dataset=dataset))
    )
    config.dump(tmp_path / 'people.py')
    return str(tmp_path / 'people.py')


def test_people(tool, people):
    dataset = tool.build_dataset(Config.fromfile(people), 'train', 'transformed')
    size = tool.input_size_of(dataset[0])
    assert size == (48, 64)
    person = tool.person_of(dataset[0], size)
    assert person.image.shape == (64, 48, 3) and person.name.endswith(', labelled')
    assert person.keypoints.shape == (1, 17, 2) and person.outline is None
    info = dataset.get_data_info(5)
    person = tool.person_of(dataset[5], size)
    assert person.keypoints is None
    low, high = person.outline.min(0), person.outline.max(0)
    width, height = info['bbox'][0, 2:] - info['bbox'][0, :2]
    expected = 1.25 * max(width, 0.75 * height) * 47 / 48
    shrunk = 1 / float(dataset[5]['data_samples'].source_to_input[0, 0]) * 47
    assert high[0] - low[0] == pytest.approx(shrunk, rel=1e-5)
    assert shrunk <= expected * 1.001


@pytest.mark.parametrize('mode', ['original', 'transformed'])
def test_pictures_of_people(mode, tool, people, tmp_path, capsys):
    flags = [people, '--output-dir', str(tmp_path / 'out'), '--mode', mode]
    paths = tool.main([*flags, '--number', '3'])
    pictures = [matplotlib.image.imread(path) for path in paths]
    assert len(pictures) == 3
    assert all(picture.shape == (480, 480, 4) for picture in pictures)
    assert all(len(np.unique(picture)) > 50 for picture in pictures)
