"""Networks of Semi_Human_Pose become students with the same heatmaps."""

import convert_checkpoint as tool
import public_semi_pose as public
import pytest
import tiny_students
import torch
from mmengine.config import Config
from mmpose.datasets.datasets.utils import parse_pose_metainfo
from mmpose.registry import MODELS
from torch.testing import assert_close

from mmpose_ext.models.semi_human_pose import (
    CHANNELS,
    convert_semi_human_pose,
    kind_of,
)

SIDES = {'l': 'left_', 'r': 'right_'}
PARTS = dict(
    hip='hip',
    kne='knee',
    ank='ankle',
    sho='shoulder',
    elb='elbow',
    wri='wrist',
    eye='eye',
    ear='ear',
)


def network(joints=17):
    """Our config of the public networks."""
    config = tiny_students.network()
    config['backbone'] = dict(type='ResNet', depth=18)
    config['head'].update(in_channels=512, out_channels=joints)
    return config


def students(kind, **options):
    own = dict(student=network()) if kind == 'ConsistencyStudent' else {}
    if kind == 'DualStudent':
        own = dict(students=[network(), network()])
    model = tiny_students.students(kind, **own, **options)
    model['data_preprocessor']['bgr_to_rgb'] = False
    return model


@pytest.fixture(scope='module')
def pair():
    return public.randomise(public.PublicPair())


@pytest.fixture
def converted(tmp_path):
    """A function that converts a network for a model."""

    def convert(source, model, *flags, content=None):
        file, out = tmp_path / 'in.pth.tar', tmp_path / 'new' / 'ours.pth'
        torch.save(content or public.training_checkpoint(source), file)
        config = tmp_path / 'config.py'
        Config(dict(default_scope='mmpose', model=model)).dump(config)
        flags = [str(file), str(out), '--config', str(config), *flags]
        tool.main(['--from', 'semi_human_pose', *flags])
        built = MODELS.build(model).eval()
        built.load_state_dict(torch.load(out, weights_only=True)['state_dict'])
        return built, torch.load(out, weights_only=True)['meta']

    return convert


@torch.no_grad()
def assert_same(model, ours, theirs, joints='coco'):
    """The same heatmaps of the same BGR image, from the pixels on."""
    generator = torch.Generator().manual_seed(1)
    image = torch.randint(256, (3, 64, 48), generator=generator, dtype=torch.uint8)
    batch = dict(inputs=[image], data_samples=[])
    found = ours(model.data_preprocessor(batch, False)['inputs'], None)
    expected = theirs(public.as_it_sees(image)[None])[:, list(CHANNELS[joints])]
    assert expected.std() > 0.1
    assert_close(found, expected, rtol=1e-4, atol=1e-4)


def test_dual(pair, converted, capsys):
    model, meta = converted(pair, students('DualStudent'))
    assert_same(model, model.students[0], pair.resnet)
    assert_same(model, model.students[1], pair.resnet2)
    assert meta['data_preprocessor']['bgr_to_rgb'] is False
    text = capsys.readouterr().out
    assert 'ResNet-18 and ResNet-18, 17 joints of coco out of 24' in text
    assert 'for a DualStudent' in text and 'loads strictly' in text
    assert 'model.data_preprocessor.bgr_to_rgb=False' in text
    assert 'has bgr_to_rgb=True' not in text
    assert 'left behind: epoch, perf, optimizer' in text


def test_single(converted):
    """PoseCons has another name for its last layer; weights alone are read, too."""
    single = public.randomise(public.PublicPair(1), seed=3)
    model, _ = converted(
        single, students('ConsistencyStudent'), content=single.state_dict()
    )
    assert_same(model, model.students[0], single.resnet)


@pytest.mark.parametrize('number', [0, 1])
def test_plain(number, pair, converted, capsys):
    model = dict(
        **network(),
        data_preprocessor={
            **students('DualStudent')['data_preprocessor'],
            'type': 'PoseDataPreprocessor',
            'bgr_to_rgb': bool(number),
        },
    )
    built, _ = converted(pair, model, '--network', str(number))
    text = capsys.readouterr().out
    assert ('has bgr_to_rgb=True' in text) == bool(number)
    if not number:
        assert_same(built, built, pair.resnet)


def test_supervised_and_mpii(converted):
    """A network without a prefix, and the joints of MPII."""
    supervised = public.randomise(public.PublicPoseResNet('final_layer'), seed=4)
    content = {f'module.{k}': v for k, v in supervised.state_dict().items()}
    model = dict(
        **network(16),
        data_preprocessor=dict(
            type='PoseDataPreprocessor',
            mean=[123.675, 116.28, 103.53],
            std=[58.395, 57.12, 57.375],
        ),
    )
    flags = ('--joints', 'mpii', '--network', '0')
    built, _ = converted(supervised, model, *flags, content=content)
    assert_same(built, built, supervised, 'mpii')


@pytest.mark.parametrize('joints', ['coco', 'mpii'])
def test_channels(joints):
    """The channels in the order of MMPose's datasets, by the names of the joints."""
    path = dict(from_file=f'configs/_base_/datasets/{joints}.py')
    names = parse_pose_metainfo(path)['keypoint_id2name']

    def full(short):
        if short[0] in SIDES and short[1:] in PARTS:
            return SIDES[short[0]] + PARTS[short[1:]]
        return 'pelvis' if short == 'root' else short

    found = [full(public.UNION_NAMES[channel]) for channel in CHANNELS[joints]]
    assert found == [names[i] for i in range(len(names))]


def test_kinds():
    """ResNets by their blocks, HRNets by their width; HRNet has no deconvolution."""
    block = 'backbone.layer3.{}.conv{}.weight'
    for blocks, convs, name in (
        (2, 2, 'ResNet-18'),
        (6, 3, 'ResNet-50'),
        (23, 3, 'ResNet-101'),
        (36, 3, 'ResNet-152'),
    ):
        state = {
            block.format(i, j + 1): torch.zeros(1)
            for i in range(blocks)
            for j in range(convs)
        }
        assert kind_of(state) == name
    last = torch.arange(24.0).view(24, 1, 1, 1)
    hrnet = {
        'conv1.weight': torch.zeros(1),
        'transition1.0.0.weight': torch.zeros(1),
        'stage2.0.branches.0.0.conv1.weight': torch.zeros(48, 1),
        'final_layer.weight': last,
        'final_layer.bias': last.flatten(),
    }
    state = {f'{p}.{k}': v for p in ('resnet', 'resnet2') for k, v in hrnet.items()}
    first, second = convert_semi_human_pose(state, 'coco')
    assert first.keys() == second.keys() and kind_of(first) == 'HRNet-W48'
    assert first['head.final_layer.bias'].tolist() == list(CHANNELS['coco'])
    assert {name.split('.')[0] for name in first} == {'backbone', 'head'}


class TestInvalid:
    def test_other_checkpoint(self, pair, converted, tmp_path):
        state = dict(pair.state_dict())
        with pytest.raises(ValueError, match=r"unknown names \['prm.weight'\]"):
            convert_semi_human_pose(
                {**state, 'resnet.prm.weight': torch.zeros(1)}, 'coco'
            )
        with pytest.raises(ValueError, match='begin with'):
            convert_semi_human_pose({**state, 'fc.weight': torch.zeros(1)}, 'coco')
        with pytest.raises(ValueError, match=r"nothing for \['backbone.conv1"):
            convert_semi_human_pose({'model.x': torch.zeros(1)}, 'coco')
        with pytest.raises(ValueError, match='has 17 channels, expected the 24'):
            last = {'resnet.final_layer_1.bias': torch.zeros(17)}
            convert_semi_human_pose({**state, **last}, 'coco')
        with pytest.raises(ValueError, match="one of .*'mpii'.*'aic'"):
            convert_semi_human_pose(state, 'aic')

    def test_no_second_network(self, converted):
        single = public.PublicPair(1)
        with pytest.raises(ValueError, match='has one network'):
            converted(single, network(), '--network', '1')

    def test_other_config(self, pair, converted, tmp_path):
        with pytest.raises(ValueError, match='does not fit the checkpoint'):
            converted(pair, tiny_students.students())
        assert not (tmp_path / 'new').exists()
