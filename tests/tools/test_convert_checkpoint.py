"""Public checkpoints against naive networks with the public names."""

from pathlib import Path

import convert_checkpoint as tool
import numpy as np
import pytest
import reference_lifters as public
import torch
from mmengine.config import Config
from mmengine.runner.checkpoint import load_checkpoint
from mmpose.registry import MODELS

from mmpose_ext.models.checkpoint_maps import CHECKPOINT_MAPS, convert_state_dict

REPO = Path(__file__).parents[2]


SIZE, REP, DEPTH, HEADS, RATIO, FRAMES = 16, 12, 3, 4, 2, 7
SOURCES = ['motionbert', 'mixste', 'd3dp']
BACKBONES = {'mixste': ('MixSTE', 2), 'd3dp': ('DiffusionMixSTE', 5)}


def make(source, *, frames=FRAMES, **options):
    """A public network with random parameters."""
    if source == 'motionbert':
        network = public.PublicMotionBERT(
            SIZE, REP, DEPTH, HEADS, RATIO, frames, **options
        )
    else:
        kinds = dict(mixste=public.PublicMixSTE2, d3dp=public.PublicD3DP)
        network = kinds[source](SIZE, DEPTH, HEADS, RATIO, frames, **options)
    return public.randomise(network)


def config_of(source, *, frames=FRAMES, **backbone):
    """Our model of the same size."""
    head = dict(norm=True) if source in BACKBONES else dict(hidden_dims=REP)
    kind, in_channels = BACKBONES.get(source, ('MotionBERT', 3))
    return dict(
        type='DiffusionLifter' if source == 'd3dp' else 'SequenceLifter',
        backbone=dict(
            type=kind,
            in_channels=in_channels,
            embed_dims=SIZE,
            seq_len=frames,
            depth=DEPTH,
            num_heads=HEADS,
            mlp_ratio=RATIO,
            **backbone,
        ),
        head=dict(
            type='PoseRegressionHead',
            in_channels=SIZE,
            losses=dict(pose=dict(type='JointErrorLoss', joint_weights='mixste')),
            **head,
        ),
    )


def window(source, frames=FRAMES):
    """Two windows; for D3DP keypoints, three noisy poses each, and time steps."""
    generator = torch.Generator()
    if source != 'd3dp':
        channels = 2 if source == 'mixste' else 3
        return (torch.randn(2, frames, 17, channels, generator=generator),)
    keypoints = torch.randn(2, frames, 17, 2, generator=generator)
    noisy = torch.randn(2, 3, frames, 17, 3, generator=generator)
    return keypoints, noisy, torch.tensor([999, 3])


def run(model, keypoints, noisy=None, times=None):
    """Our model, with hypotheses as windows of their own."""
    if noisy is None:
        return model._forward(keypoints)
    count = noisy.shape[1]
    repeated = keypoints[:, None].expand(-1, count, -1, -1, -1)
    parts = repeated.flatten(0, 1), noisy.flatten(0, 1), times.repeat_interleave(count)
    return model.denoise(*parts).unflatten(0, (-1, count))


@torch.no_grad()
def assert_same_output(model, network, x):
    ours, theirs = run(model.eval(), *x), network.eval()(*x)
    assert theirs.std() > 0.1
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)


def save_public(path, network, **extra):
    torch.save(public.public_checkpoint(network, **extra), path)
    return path


def write_config(path, model):
    Config(dict(model=model)).dump(path)
    return path


@pytest.mark.parametrize('source', SOURCES)
def test_values(source, tmp_path, capsys):
    network = make(source)
    file = save_public(tmp_path / 'best_epoch.bin', network, min_loss=np.float64(40.2))
    out = tmp_path / 'new' / 'ours.pth'
    config = write_config(tmp_path / 'config.py', config_of(source))
    tool.main(
        ['--from', source, str(file), str(out), '--config', str(config)],
    )
    output = capsys.readouterr().out
    schedule = list(network.state_dict().keys() - dict(network.named_parameters()))
    assert len(schedule) == (12 if source == 'd3dp' else 0)
    left = output.partition('left behind: ')[2].splitlines()[0].split(', ')
    assert sorted(left) == sorted(['epoch', 'lr', 'optimizer', 'min_loss', *schedule])
    assert f'embed_dims={SIZE}' in output and f'depth={DEPTH}' in output
    assert f'seq_len={FRAMES}' in output and 'loads strictly' in output
    assert [path.name for path in out.parent.iterdir()] == ['ours.pth']

    saved = torch.load(out, weights_only=True)
    assert saved.keys() == {'state_dict', 'meta'}
    assert saved['meta']['file'] == 'best_epoch.bin'
    numbers = sum(p.numel() for p in network.parameters())
    assert sum(v.numel() for v in saved['state_dict'].values()) == numbers
    model = MODELS.build(config_of(source))
    load_checkpoint(model, str(out), map_location='cpu', strict=True)
    assert_same_output(model, network, window(source))


@pytest.mark.parametrize('source', SOURCES)
def test_values_without_qkv_bias(source):
    network = make(source, qkv_bias=False)
    state = convert_state_dict(network.state_dict(), source)
    settings = tool.settings_of(state, CHECKPOINT_MAPS[source].backbone)
    assert settings['backbone']['qkv_bias'] is False
    model = MODELS.build(config_of(source, qkv_bias=False))
    model.load_state_dict(state, strict=True)
    assert_same_output(model, network, window(source))


def test_values_of_mmpose():
    """MMPose's own DSTFormer and head are a second reference."""
    from mmpose.models.backbones.dstformer import DSTFormer
    from mmpose.models.heads import MotionRegressionHead

    network = torch.nn.ModuleDict(
        dict(
            backbone=DSTFormer(3, SIZE, DEPTH, HEADS, mlp_ratio=RATIO, seq_len=FRAMES),
            head=MotionRegressionHead(
                SIZE, 3, REP, loss=dict(type='MPJPEVelocityJointLoss')
            ),
        )
    )
    public.randomise(network)
    state = convert_state_dict(network.state_dict(), 'mmpose')
    model = MODELS.build(config_of('mmpose'))
    model.load_state_dict(state, strict=True)
    network.forward = lambda x: network['head'](network['backbone'](x))
    assert_same_output(model, network, window('mmpose'))

    backbone = {f'backbone.{k}': v for k, v in network['backbone'].state_dict().items()}
    with pytest.raises(ValueError, match=r"missing keys \['head.pre_logits.fc.weight'"):
        convert_state_dict(backbone, 'mmpose')
    part = convert_state_dict(backbone, 'mmpose', prefix='backbone.')
    assert part.keys() == {k for k in state if k.startswith('backbone.')}


def test_values_of_both_references():
    """The naive MotionBERT is MMPose's DSTFormer under other names."""
    network = make('motionbert')
    ours = convert_state_dict(network.state_dict(), 'motionbert')
    theirs_map, our_map = (
        CHECKPOINT_MAPS[key].names(DEPTH) for key in ('mmpose', 'motionbert')
    )
    to_public = {ours: key for key, (ours, _) in our_map.items()}
    back = {
        key: network.state_dict()[to_public[ours]]
        for key, (ours, _) in theirs_map.items()
    }
    again = convert_state_dict(back, 'mmpose')
    assert all(torch.equal(again[key], value) for key, value in ours.items())
    assert again.keys() == ours.keys()


@pytest.mark.parametrize('source', SOURCES)
def test_shapes(source, tmp_path, caplog):
    """A model of a shorter window takes the first frames of the embedding."""
    network, short = make(source), FRAMES - 3
    state = convert_state_dict(network.state_dict(), source)
    model = MODELS.build(config_of(source, frames=short))
    model.load_state_dict(state, strict=True)
    if source == 'motionbert':
        assert_same_output(model, network, window(source, short))
    else:
        denoiser = getattr(network, 'pose_estimator', network)
        embedding = denoiser.Temporal_pos_embed.data
        denoiser.Temporal_pos_embed.data = embedding[:, :short]
        assert_same_output(model, network, window(source, short))


def test_every_public_name_once():
    for source, checkpoint_map in CHECKPOINT_MAPS.items():
        names = checkpoint_map.names(2)
        ours = [name for name, _ in names.values()]
        assert len(set(ours)) == len(ours), source
        assert checkpoint_map.depth(names) == 2
    for source in SOURCES:
        checkpoint_map = CHECKPOINT_MAPS[source]
        assert {
            checkpoint_map.prefix + name for name in checkpoint_map.names(DEPTH)
        } == {name for name, _ in make(source).named_parameters()}


def assert_refused(tmp_path, content, message, *options):
    file, out = tmp_path / 'in.bin', tmp_path / 'out' / 'out.pth'
    torch.save(content, file)
    with pytest.raises(ValueError, match=message):
        tool.main(['--from', 'motionbert', str(file), str(out), *options])
    assert not out.parent.exists()


class TestInvalid:
    def test_missing_and_unknown(self, tmp_path):
        content = public.public_checkpoint(make('motionbert'))
        state = content['model_pos']
        state['module.new.weight'] = state.pop('module.blocks_ts.1.mlp_t.fc1.bias')
        assert_refused(
            tmp_path,
            content,
            r"unknown keys \['new.weight'\], missing keys "
            r"\['blocks_ts.1.mlp_t.fc1.bias'\]",
        )

    def test_missing_block(self, tmp_path):
        content = public.public_checkpoint(make('motionbert'))
        for key in list(content['model_pos']):
            if '.1.' in key and 'blocks' in key:
                del content['model_pos'][key]
        assert_refused(
            tmp_path, content, r"missing keys \['blocks_st.1.norm1_s.weight'"
        )

    def test_other_network(self, tmp_path):
        content = public.public_checkpoint(make('mixste'))
        assert_refused(
            tmp_path, content, 'class DSTformer: unknown keys .*check --from'
        )

    def test_mixste_is_not_d3dp(self):
        mixste, d3dp = (make(source).state_dict() for source in ('mixste', 'd3dp'))
        with pytest.raises(ValueError, match=r"missing keys \['time_mlp.1.weight'"):
            convert_state_dict(mixste, 'd3dp')
        with pytest.raises(ValueError, match=r"unknown keys \['betas', 'alphas"):
            convert_state_dict(d3dp, 'mixste')
        with pytest.raises(ValueError, match=r"unknown keys \['betas_of_another'\]"):
            convert_state_dict({**d3dp, 'betas_of_another': torch.ones(1)}, 'd3dp')

    def test_no_weights(self, tmp_path):
        assert_refused(tmp_path, {'epoch': 3}, r"no weights .* \['epoch'\]")
        assert_refused(tmp_path, {'model_pos': {}}, 'no weights')
        assert_refused(tmp_path, [1], 'the file is a list; expected a dictionary')

    def test_config_of_other_size(self, tmp_path):
        model = config_of('motionbert')
        model['backbone']['depth'] = DEPTH + 1
        config = write_config(tmp_path / 'config.py', model)
        content = public.public_checkpoint(make('motionbert'))
        message = 'does not fit the checkpoint; .*Missing key'
        assert_refused(tmp_path, content, f'(?s){message}', '--config', str(config))

    def test_source(self):
        with pytest.raises(ValueError, match="one of .*'mixste'.*: 'poseformer'"):
            convert_state_dict({}, 'poseformer')

    def test_missing_file(self, tmp_path):
        with pytest.raises(FileNotFoundError, match=r'nothing\.bin'):
            tool.main(
                ['--from', 'mixste', str(tmp_path / 'nothing.bin'), str(tmp_path / 'o')]
            )


def test_trust(tmp_path):
    """MixSTE's files hold a NumPy random state, which only trust reads."""
    state = np.random.RandomState(1234)
    file = save_public(tmp_path / 'in.bin', make('mixste'), random_state=state)
    out = tmp_path / 'out.pth'
    command = ['--from', 'mixste', str(file), str(out)]
    with pytest.raises(ValueError, match='--trust-checkpoint'):
        tool.main(command)
    assert not out.exists()
    tool.main([*command, '--trust-checkpoint'])
    assert torch.load(out, weights_only=True)['state_dict']


def test_weights_alone(tmp_path):
    """Weights alone, without a training script around them, convert as well."""
    denoiser = make('d3dp').pose_estimator
    for source, network in (('mixste', make('mixste')), ('d3dp', denoiser)):
        torch.save(network.state_dict(), tmp_path / 'in.bin')
        out = tmp_path / f'{source}.pth'
        tool.main(['--from', source, str(tmp_path / 'in.bin'), str(out)])
        model = MODELS.build(config_of(source))
        load_checkpoint(model, str(out), strict=True)
        assert_same_output(model, network, window(source))
