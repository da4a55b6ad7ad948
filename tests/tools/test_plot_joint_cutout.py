"""Pictures of views and heatmaps, with a network that knows the joints' colours."""

import json

import coloured_people
import matplotlib.image
import plot_joint_cutout as tool
import pytest
import tiny_students

SIZE = coloured_people.SIZE
LOAD = [dict(type='LoadImage'), dict(type='GetBBoxCenterScale')]
PACK = [
    dict(type='PackSemiSupervisedInputs', role=r) for r in ('labelled', 'unlabelled')
]
CROP = dict(type='TopdownAffine', input_size=SIZE)


@pytest.fixture(scope='module')
def people(tmp_path_factory):
    return coloured_people.write_people(tmp_path_factory.mktemp('people') / 'coco')


@pytest.fixture
def trained(people, tmp_path):
    """A function that writes config and checkpoint of two students."""

    def make(hard_from='image'):
        source = dict(type='CropPersonSource', input_size=SIZE)
        stock = dict(
            type='CocoDataset',
            ann_file=str(people / 'people.json'),
            data_prefix=dict(img=str(people / 'images') + '/'),
            data_mode='topdown',
        )
        dataset = dict(
            type='SemiSupervisedDataset',
            labelled=dict(type='LabelledSubset', dataset=stock, num_instances=2),
            labelled_pipeline=[*LOAD, CROP, PACK[0]],
            unlabelled_pipeline=[
                *LOAD,
                source if hard_from == 'image' else CROP,
                PACK[1],
            ],
        )
        network = coloured_people.colour_network()
        model = tiny_students.students(
            students=[network, network],
            views=tiny_students.views(20, 0.1, hard_from=hard_from),
            occlusions=[[dict(type='BatchJointCutout', half_size=(9, 17))]],
        )
        config = coloured_people.write_config(
            tmp_path / 'colours.py',
            people,
            model,
            train_dataloader=dict(dataset=dataset),
        )
        return config, coloured_people.write_weights(config, tmp_path / 'colours.pth')

    return make


@pytest.mark.parametrize('hard_from', ['image', 'easy_crop'])
def test_values(hard_from, trained, tmp_path):
    out = tmp_path / 'out'
    flags = ['--out', str(out), '--num', '2', '--joints', '12', '--device', 'cpu']
    tool.main([*trained(hard_from), *flags])
    report = json.loads((out / 'joint_cutout.json').read_text())
    means = report['mean_height']
    assert list(means) == ['easy view', 'hard view', 'with 12 joints cut']
    assert report['hard_from'] == hard_from and report['network'] == 'student0'
    assert 'num_joints=12, half_size=(9, 17)' in report['cutout'], "the config's"
    # The network sees all joints in easy views, most in hard ones, and few where 12 of
    # 17 are covered.
    assert means['easy view'] > 0.9 * means['hard view'] > 0
    assert means['with 12 joints cut'] < 0.8 * means['hard view']
    assert len(report['people']) == 2
    for person in report['people']:
        picture = matplotlib.image.imread(out / person['picture'])
        assert picture.shape == (360, 1440, 4)
        assert person['image'].endswith('.png')


def test_seeds(trained, tmp_path):
    """The seed chooses people and views, and nothing else does."""
    files = trained()
    flags = ['--out', str(tmp_path / 'out'), '--num', '1', '--device', 'cpu']
    first, again, other = (
        tool.main([*files, *flags, '--seed', seed])['people'] for seed in '115'
    )
    assert first == again and first[0]['heights'] != other[0]['heights']


def test_invalid(trained, people, tmp_path):
    config, checkpoint = trained()
    out = ['--out', str(tmp_path / 'out')]
    with pytest.raises(ValueError, match='there are 4 unlabelled'):
        tool.main([config, checkpoint, *out, '--num', '9'])
    with pytest.raises(ValueError, match='no network'):
        tool.main([config, checkpoint, *out, '--network', 'ensemble'])
    with pytest.raises(FileNotFoundError, match='nowhere'):
        tool.main([config, 'nowhere.pth', *out])
    model = coloured_people.colour_network(
        data_preprocessor=coloured_people.preprocessor()
    )
    alone = coloured_people.write_config(tmp_path / 'alone.py', people, model)
    weights = coloured_people.write_weights(alone, tmp_path / 'alone.pth')
    with pytest.raises(ValueError, match='easy and hard views'):
        tool.main([alone, weights, *out])
    with pytest.raises(ValueError, match='trains on list'):
        tool.choose_people([], 1, 0)
    with pytest.raises(SystemExit):
        tool.main([config, checkpoint, *out, '--num', '0'])
    assert not (tmp_path / 'out').exists()
