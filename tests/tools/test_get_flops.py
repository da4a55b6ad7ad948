"""The tool that counts parameters and operations of a config."""

import json
from pathlib import Path

import get_flops
import pytest
from mmengine.config import Config

REPO = Path(__file__).parents[2]
CONFIGS = REPO / 'configs/prml'


@pytest.fixture
def write_denoiser(tmp_path):
    """Writes configs of D3DP's denoiser at its full size."""

    def write(type='DiffusionLifter', **options):
        model = dict(
            type=type,
            backbone=dict(type='DiffusionMixSTE', in_channels=5, seq_len=243),
            head=dict(
                type='PoseRegressionHead', in_channels=512, norm=True, losses=dict()
            ),
            **options,
        )
        file = tmp_path / 'denoiser.py'
        Config(dict(model=model)).dump(file)
        return file

    return write


def count(capsys, config, *options):
    capsys.readouterr()
    get_flops.main([str(config), '--json', *options])
    return json.loads(capsys.readouterr().out)


# parameters, parameters_thop, macs_thop; thop's figures from the papers' own code.
EXPECTED = {
    'prml_h36m_243': (13.0396e6, None, 49.2785e9),
    'motionbert_h36m_243': (42.466e6, None, 174.751e9),
    'mixste_h36m_243': (33.784e6, 33.651e6, 139.038e9),
}


@pytest.mark.parametrize('name', EXPECTED)
def test_values(name, capsys):
    found = count(capsys, CONFIGS / f'{name}.py')
    parameters, parameters_thop, macs = EXPECTED[name]
    assert found['parameters'] == pytest.approx(parameters, rel=2e-5)
    assert found['macs_thop'] == pytest.approx(macs, rel=1e-5)
    if parameters_thop is not None:
        assert found['parameters_thop'] == pytest.approx(parameters_thop, rel=2e-5)
    assert 2 * found['macs_thop'] > found['flops_linear']
    assert found['flops'] > found['flops_linear']
    assert found['forward'] == 'training'
    assert found['input'][:3] == [1, 243, 17]
    parts = found['parts'].values()
    assert sum(part['parameters'] for part in parts) == found['parameters']
    assert sum(part['macs_thop'] for part in parts) == found['macs_thop']


def test_deploy(capsys):
    found = count(capsys, CONFIGS / 'prml_h36m_243.py', '--deploy')
    assert found['macs_thop'] / 1e9 == pytest.approx(48.19, abs=5e-3)
    assert found['parameters'] == 13_039_626 - 264_707
    assert found['forward'] == 'inference'


def test_options(capsys):
    small = [
        '--cfg-options',
        'model.backbone.depth_2d=1',
        'model.backbone.depth_d=1',
    ]
    config = CONFIGS / 'prml_h36m_243.py'
    long, short = (
        count(capsys, config, '--seq-len', str(frames), *small) for frames in (81, 27)
    )
    assert long['input'] == [1, 81, 17, 3]
    assert long['macs_thop'] == 3 * short['macs_thop']
    assert long['parameters'] == short['parameters']
    with pytest.raises(ValueError, match='windows of at most 243'):
        count(capsys, config, '--seq-len', '244', *small)


def test_table(capsys):
    get_flops.main(
        [
            str(CONFIGS / 'prml_h36m_243.py'),
            '--cfg-options',
            'model.backbone.depth_2d=0',
            'model.backbone.depth_d=0',
        ]
    )
    output = capsys.readouterr().out
    assert 'training forward, input (1, 243, 17, 3)' in output
    assert 'backbone.bottom' in output and '792,066' in output
    assert 'macs_thop' in output and ' G ' in output


def test_shapes():
    def shape(train_dataloader, **backbone):
        cfg = Config(dict(model=dict(backbone=dict(in_channels=3, **backbone))))
        cfg.train_dataloader = train_dataloader
        return get_flops.window_shape(cfg)

    data = dict(type='LiftingDataset', seq_len=27)
    assert shape(dict(dataset=data), seq_len=81)[1] == 27
    assert shape(dict(dataset=dict(dataset=data)), num_joints=16) == (1, 27, 16, 3)
    assert shape(dict(dataset=dict(datasets=[data, data])))[1] == 27
    theirs = dict(type='Human36mDataset', seq_len=1, multiple_target=243)
    assert shape(dict(dataset=theirs))[1] == 243
    assert shape(None, seq_len=9)[1] == 9
    with pytest.raises(ValueError, match='give --seq-len'):
        shape(None)


def test_invalid():
    cfg = Config(dict(model=dict(type='TopdownPoseEstimator')))
    with pytest.raises(ValueError, match='counts lifters'):
        get_flops.window_shape(cfg)
    cfg = Config(dict(model=dict(backbone=dict(in_channels=3))))
    with pytest.raises(ValueError, match='T >= 1'):
        get_flops.window_shape(cfg, 0)


def test_features_of_frames(capsys):
    """Each branch gets one cross-attention layer onto 32 x 32 cells of 4 channels."""
    size, cells, frames = 128, 1024, 15
    config = CONFIGS / 'prml_h36m_15_image.py'
    plain = ['--cfg-options', 'model.backbone.image_features=None']
    with_maps, without = count(capsys, config), count(capsys, config, *plain)
    norms, mlp = 3 * size, 8 * size**2
    projections = 4 * size + cells * size + size  # of cells, their places, bias
    attention = 4 * size**2 + size
    each = projections + attention + 2 * norms + mlp + 5 * size
    assert with_maps['parameters'] - without['parameters'] == 2 * each
    of_cells = cells * (4 * size + 4 * size + 2 * size**2)
    of_joints = 17 * (2 * size**2 + mlp + 8 * size)
    macs = 2 * frames * (of_cells + of_joints)
    assert with_maps['macs_thop'] - without['macs_thop'] == macs


def test_values_of_a_denoiser(write_denoiser, capsys):
    """PoSynDA's Table 3; attention and time steps are not in its figures."""
    found = count(capsys, write_denoiser())
    tokens, size = 243 * 17, 512
    linear = 2 * tokens * (16 * 8 * size**2 + 5 * size + 3 * size)
    assert found['flops_linear'] == linear
    assert linear / 1e9 == pytest.approx(277.2606, abs=5e-5)
    assert found['parameters'] == 34_835_459
    assert found['input'] == [1, 243, 17, 5]
    attention = 8 * 4 * size * tokens * (243 + 17)
    assert attention / 1e9 == pytest.approx(17.60, abs=5e-3)
    assert found['flops'] == linear + attention + 2 * 4 * size**2


@pytest.mark.parametrize(('hypotheses', 'giga'), [(1, 278.8849), (3, 836.6548)])
def test_values_of_adapters(hypotheses, giga, write_denoiser, capsys):
    """The same table with adapters of rank 4, and with three hypotheses."""
    config = write_denoiser('PoSynDALifter', lora=dict(rank=4), bias='pck')
    found = count(capsys, config, '--hypotheses', str(hypotheses))
    assert found['flops_linear'] / 1e9 == pytest.approx(giga, abs=5e-5)
    assert found['parameters'] == 34_835_459 + 196_650


@pytest.mark.parametrize('hypotheses', [1, 3])
def test_hypotheses(hypotheses, write_denoiser, capsys):
    small = ['--seq-len', '9', '--cfg-options', 'model.backbone.depth=1']
    config = write_denoiser()
    one = count(capsys, config, *small)
    found = count(capsys, config, '--hypotheses', str(hypotheses), *small)
    assert found['input'] == [hypotheses, 9, 17, 5]
    assert found['parameters'] == one['parameters']
    for figure in ('macs_thop', 'flops_linear', 'flops'):
        assert found[figure] == hypotheses * one[figure]
    deploy = count(capsys, config, '--deploy', *small)
    assert deploy['flops'] == one['flops']


def test_invalid_hypotheses(write_denoiser):
    with pytest.raises(ValueError, match='at least 1, got 0'):
        get_flops.main([str(write_denoiser()), '--hypotheses', '0'])
    lifter = str(CONFIGS / 'mixste_h36m_243.py')
    with pytest.raises(ValueError, match='SequenceLifter makes one hypothesis'):
        get_flops.main([lifter, '--hypotheses', '3'])
