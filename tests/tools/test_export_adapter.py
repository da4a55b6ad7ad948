"""Adapters: written alone, merged, put on the source again."""

import json

import export_adapter as tool
import pytest
import torch
import untrained
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmpose.registry import MODELS
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from mmpose_ext.engine.checkpoints import load_checkpoint

CONFIG = str(untrained.FIXTURES / 'tiny_posynda.py')


def build(state=None, *, config=CONFIG, **options):
    """The lifter of a config, or with other options; strictly loaded."""
    cfg = Config.fromfile(config)
    init_default_scope('mmpose')
    model = MODELS.build({**cfg.model, **options}).eval()
    if state is not None:
        model.load_state_dict(state)
    return model


def adapt(model, seed=1):
    """Something learned."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, value in model.named_parameters():
            if 'lora_B' in name or name.startswith('bias.'):
                value.normal_(std=0.1, generator=generator)


@torch.no_grad()
def output(model):
    generator = torch.Generator().manual_seed(3)
    keypoints = torch.rand((4, 3, 17, 2), generator=generator)
    noise = torch.randn((4, 3, 17, 3), generator=generator).clamp(-1, 1)
    return model.eval().denoise(keypoints, noise, torch.arange(4))


@pytest.fixture
def source(tmp_path, tiny_config_file):
    """Checkpoint of the lifter that is adapted."""
    config = untrained.FIXTURES / 'tiny_diffusion.py'
    return untrained.write_checkpoint(config, tmp_path / 'source.pth')


@pytest.fixture
def make_adapted(source, tmp_path):
    """A function that writes a checkpoint of an adapted lifter."""

    def make(seed=1, **options):
        model = build(**options)
        model.load_state_dict(load_checkpoint(source)['state_dict'], strict=False)
        adapt(model, seed)
        path = tmp_path / 'adapted.pth'
        content = {'state_dict': model.state_dict(), 'optimizer': {}, 'meta': {}}
        torch.save(content, path)
        return str(path)

    return make


def state_of(path):
    return load_checkpoint(path)['state_dict']


def test_adapter_alone(make_adapted, tmp_path, capsys):
    adapted, out = make_adapted(), tmp_path / 'new' / 'adapter.safetensors'
    tool.main([CONFIG, adapted, '--adapter', str(out)])
    tensors = load_file(out)
    expected = {
        name: value
        for name, value in state_of(adapted).items()
        if '.lora_' in name or name == 'bias.bias'
    }
    assert len(expected) == 4 * 2 * 2 + 1
    assert tensors.keys() == expected.keys()
    assert all(torch.equal(tensors[name], value) for name, value in expected.items())
    numbers = 4 * 2 * ((8 + 24) + (8 + 8)) + 42
    assert f'{numbers} numbers in 17 tensors' in capsys.readouterr().out
    with safe_open(out, 'pt') as file:
        facts = file.metadata()
    assert facts['config'] == 'tiny_posynda' and facts['rank'] == '2'
    assert json.loads(facts['targets']) == ['attn.qkv', 'attn.proj']
    assert json.loads(facts['bias']) == 'pck' and facts['format_version'] == '1'


def test_merged(make_adapted, tmp_path, capsys):
    adapted, out = make_adapted(), tmp_path / 'merged.pth'
    tool.main([CONFIG, adapted, '--merged', str(out)])
    assert 'differ by at most' in capsys.readouterr().out
    merged = build(state_of(out), lora=None)
    difference = (output(merged) - output(build(state_of(adapted)))).abs().max()
    assert difference < 1e-5
    assert (output(merged) - output(build())).abs().max() > 1e-2
    assert not [name for name in state_of(out) if 'lora' in name or 'base_l' in name]
    assert merged.bias.bias.any()


@pytest.mark.parametrize('bias', ['pck', None])
def test_round_trip(make_adapted, source, tmp_path, bias):
    """Source and adapter make the adapted lifter, to the bit; merged, to 1e-5."""
    adapted = make_adapted(bias=bias)
    adapter, again, merged = (tmp_path / n for n in ('a.safetensors', 'b.pth', 'c.pth'))
    options = ['--cfg-options', f'model.bias={bias}']
    tool.main([CONFIG, adapted, '--adapter', str(adapter), *options])
    flags = ['--apply', str(adapter), '--adapted', str(again), '--merged', str(merged)]
    tool.main([CONFIG, source, *flags, *options])
    first, second = state_of(adapted), state_of(again)
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)
    expected = output(build(first, bias=bias))
    found = output(build(state_of(merged), bias=bias, lora=None))
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)


def test_replaces_another_adapter(make_adapted, tmp_path):
    """An adapted lifter can be the source: what it learned gives way."""
    adapter, again = tmp_path / 'a.safetensors', tmp_path / 'b.pth'
    first = make_adapted(seed=1)
    expected = state_of(first)
    tool.main([CONFIG, first, '--adapter', str(adapter)])
    second = make_adapted(seed=2)
    assert not torch.equal(state_of(second)['bias.bias'], expected['bias.bias'])
    tool.main([CONFIG, second, '--apply', str(adapter), '--adapted', str(again)])
    found = state_of(again)
    assert all(torch.equal(found[name], expected[name]) for name in expected)


def test_teacher_stays_behind(make_adapted, tmp_path):
    adapted = make_adapted(teacher=dict(momentum=0.5))
    assert any(name.startswith('teacher.') for name in state_of(adapted))
    adapter, merged = tmp_path / 'a.safetensors', tmp_path / 'm.pth'
    options = ['--cfg-options', 'model.teacher.momentum=0.5']
    tool.main(
        [CONFIG, adapted, '--adapter', str(adapter), '--merged', str(merged), *options]
    )
    assert not [name for name in load_file(adapter) if name.startswith('teacher')]
    build(state_of(merged), lora=None)


def test_batch_normalisation(source, tmp_path):
    """Its statistics move in adaptation, so they belong to what was learned."""
    cfg = Config.fromfile(CONFIG)
    cfg.model.head.pop('norm')
    cfg.model.head.type = 'FrameRegressionHead'
    cfg.model.backbone = dict(
        type='DiffusionVideoPose3D', embed_dims=8, kernel_sizes=(3, 3)
    )
    cfg.model.lora.targets = ['conv2.0.conv']
    config = str(tmp_path / 'tcn.py')
    cfg.dump(config)
    base = build(config=config, lora=None)
    torch.save({'state_dict': base.state_dict()}, source)
    model = build(config=config)
    model.load_state_dict(base.state_dict(), strict=False)
    adapt(model)
    model.train()
    for _ in range(20):
        model.denoise(torch.rand(4, 3, 17, 2), torch.rand(4, 3, 17, 3), torch.arange(4))
    names = ('adapted.pth', 'a.safetensors', 'again.pth', 'merged.pth')
    adapted, adapter, again, merged = (str(tmp_path / name) for name in names)
    torch.save({'state_dict': model.state_dict()}, adapted)
    tool.main([config, adapted, '--adapter', adapter])
    assert any('running_mean' in name for name in load_file(adapter))
    tool.main(
        [config, source, '--apply', adapter, '--adapted', again, '--merged', merged]
    )
    assert torch.equal(output(build(state_of(again), config=config)), output(model))
    plain = build(state_of(merged), config=config, lora=None)
    torch.testing.assert_close(output(plain), output(model), atol=1e-5, rtol=0)


def test_merged_is_tested(make_adapted, tmp_path, monkeypatch):
    """Nothing is written where merging changes the output."""
    adapted = make_adapted()

    def forget(network):
        for parent in list(network.modules()):
            for name, child in list(parent.named_children()):
                if hasattr(child, 'lora_A'):
                    setattr(parent, name, child.get_base_layer())

    monkeypatch.setattr(tool, 'merge_adapters', forget)
    outputs = [tmp_path / 'a.safetensors', tmp_path / 'm.pth']
    with pytest.raises(ValueError, match='differs by .* more than 1e-05'):
        tool.main(
            [CONFIG, adapted, '--adapter', str(outputs[0]), '--merged', str(outputs[1])]
        )
    assert not any(path.exists() for path in outputs)


def test_other_source(make_adapted, tmp_path):
    adapter, other = tmp_path / 'a.safetensors', tmp_path / 'other.pth'
    tool.main([CONFIG, make_adapted(), '--adapter', str(adapter)])
    config = untrained.FIXTURES / 'tiny_diffusion.py'
    untrained.write_checkpoint(config, other, seed=1)
    flags = ['--apply', str(adapter), '--adapted', str(tmp_path / 'x.pth')]
    with pytest.raises(ValueError, match='trained on other weights than .*other.pth'):
        tool.main([CONFIG, str(other), *flags])
    assert not (tmp_path / 'x.pth').exists()


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (['model.lora.rank=4'], 'LoRA of rank 2, not 4; give the config'),
        (['model.lora.targets=[mlp.fc1]'], 'tensors that the lifter has not, 16,'),
        (['model.bias=all'], r'bias.bias has shape \(14, 3\), not \(17, 3\)'),
        (
            ['model.backbone.embed_dims=16', 'model.head.in_channels=16'],
            r'lora_A.* has shape \(2, 8\), not \(2, 16\)',
        ),
        (
            ['model.backbone.depth=3'],
            'lacks tensors of the lifter, 8, such as backbone',
        ),
    ],
)
def test_adapter_of_another_lifter(make_adapted, source, tmp_path, options, message):
    adapter = tmp_path / 'a.safetensors'
    tool.main([CONFIG, make_adapted(), '--adapter', str(adapter)])
    flags = ['--apply', str(adapter), '--adapted', str(tmp_path / 'x.pth')]
    with pytest.raises(ValueError, match=f'exported with tiny_posynda.*{message}'):
        tool.main([CONFIG, source, *flags, '--cfg-options', *options])


def test_bad_adapter(source, tmp_path):
    adapter = tmp_path / 'a.safetensors'
    command = [CONFIG, source, '--apply', str(adapter), '--adapted']
    command.append(str(tmp_path / 'x.pth'))
    with pytest.raises(FileNotFoundError, match='no file .*a.safetensors'):
        tool.main(command)
    adapter.write_bytes(b'something else')
    with pytest.raises(ValueError, match='cannot be read as safetensors'):
        tool.main(command)
    save_file({'weight': torch.zeros(2)}, adapter)
    with pytest.raises(ValueError, match='is no adapter; make one with'):
        tool.main(command)
    save_file({'weight': torch.zeros(2)}, adapter, {'format': tool.FORMAT})
    with pytest.raises(ValueError, match='has format version None'):
        tool.main(command)


def test_bad_files(make_adapted, source, tmp_path):
    adapted, out = make_adapted(), tmp_path / 'a.safetensors'
    flags = ['--adapter', str(out)]
    plain = str(untrained.FIXTURES / 'tiny_diffusion.py')
    with pytest.raises(
        ValueError, match='tiny_diffusion.py has a DiffusionLifter with'
    ):
        tool.main([plain, source, *flags])
    with pytest.raises(ValueError, match='without LoRA'):
        tool.main([CONFIG, adapted, *flags, '--cfg-options', 'model.lora=None'])
    with pytest.raises(ValueError, match='source.pth lacks 17 tensors .* such as b'):
        tool.main([CONFIG, source, *flags])
    with pytest.raises(FileNotFoundError, match='no file .*gone.pth'):
        tool.main([CONFIG, str(tmp_path / 'gone.pth'), *flags])
    with pytest.raises(ValueError, match='a name ending .safetensors'):
        tool.main([CONFIG, adapted, '--adapter', str(tmp_path / 'a.pth')])
    assert not out.exists()


def test_existing_files_stay(make_adapted, tmp_path):
    adapted, out = make_adapted(), tmp_path / 'a.safetensors'
    out.write_text('mine')
    with pytest.raises(FileExistsError, match='pass --overwrite'):
        tool.main([CONFIG, adapted, '--adapter', str(out)])
    assert out.read_text() == 'mine'
    tool.main([CONFIG, adapted, '--adapter', str(out), '--overwrite'])
    assert 'bias.bias' in load_file(out)


@pytest.mark.parametrize(
    ('flags', 'message'),
    [
        ([], 'give --adapter or --merged'),
        (['--apply', 'a.safetensors'], 'give --adapted or --merged'),
        (['--adapted', 'a.pth'], '--adapted is for --apply'),
        (['--apply', 'a.safetensors', '--adapter', 'b.safetensors'], 'give one'),
    ],
)
def test_bad_flags(flags, message, capsys):
    with pytest.raises(SystemExit):
        tool.main([CONFIG, 'c.pth', *flags])
    assert message in capsys.readouterr().err
