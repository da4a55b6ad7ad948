import math
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.model import MMDistributedDataParallel
from mmengine.optim import OptimWrapper, OptimWrapperDict
from mmengine.runner import Runner
from student_batch import student_batch
from torch import nn
from torch.testing import assert_close

from mmpose_ext.engine.checkpoints import load_checkpoint
from mmpose_ext.geometry import place_like_target, reprojection_errors, solve_root
from mmpose_ext.models.normalized_cameras import NormalizedCameras
from mmpose_ext.simulation import MOTIONS, Body, motion

FIXTURES = Path(__file__).parents[2] / 'fixtures'
PARTS = ('lifter', 'generator', 'discriminator')


@pytest.fixture
def make_gan(make_diffusion_lifter):
    """Builds one; ``change`` is the spread of the generator's last weights."""

    def make(
        train_cfg=None, *, change=0.0, width=8, lifter='GANAdaptationLifter', **kw
    ):
        if lifter == 'GANAdaptationLifter':
            kw = (
                dict(
                    generator=dict(embed_dims=width),
                    discriminator=dict(embed_dims=width),
                )
                | kw
            )
        model = make_diffusion_lifter(
            lifter, train_cfg=train_cfg or {}, **(dict(lora=dict(rank=2)) | kw)
        )
        if change:
            nn.init.normal_(model.generator.proposal.weight, std=change)
        return model

    return make


@pytest.fixture
def batch(make_camera_batch):
    """Source, target, source, target: 2D, samples, true poses, true roots."""
    return make_camera_batch(batch=4, labels='alternate')


def optimizers(model, kind=torch.optim.SGD, **options):
    return OptimWrapperDict(
        **{
            name: OptimWrapper(kind(part.parameters(), **options))
            for name, part in model.optimised_parts().items()
        }
    )


def owner(name):
    return name.split('.')[0] if name.split('.')[0] in PARTS else 'lifter'


def test_shapes(make_gan, batch):
    inputs, samples, *_ = batch
    model = make_gan(dict(setting='inductive'), change=0.5)
    losses = model(inputs, samples, mode='loss')
    assert set(losses) == {
        *('loss_pose', 'loss_generator', 'loss_discriminator'),
        *('rotation', 'score_gap'),
    }
    assert all(value.isfinite() and value.dim() == 0 for value in losses.values())
    results = model(inputs, samples, mode='predict')
    assert results[0].pred_instances.keypoints.shape == (3, 17, 3)
    protocol = results[0].pred_instances.protocol
    assert protocol['adaptation'] == 'inductive' and protocol['generator'] == 'gan'
    assert 'adaptation_root' not in protocol


def test_starts_as_placement_alone(make_gan, batch):
    """A generator that says nothing leaves F, exactly."""
    inputs, samples, pose, _ = batch
    model = make_gan(dict(augmentation=dict(refinements=1)))
    seen = student_batch(model, inputs, samples)
    cameras = NormalizedCameras.of_samples(samples[1::2], inputs.device)
    _, expected = place_like_target(
        pose[::2], inputs[1::2], cameras.f, cameras.c, refinements=1
    )
    assert torch.equal(seen['keypoints'], expected)
    assert torch.equal(seen['label'], pose[::2])
    assert seen['losses']['rotation'] == 0


def test_pairs_fit(make_gan, batch):
    """The 2D is that of the label at some place: rays and poses meet."""
    inputs, samples, pose, _ = batch
    seen = student_batch(make_gan(change=3.0), inputs, samples)
    label, keypoints = seen['label'], seen['keypoints']
    assert (label - pose[::2]).norm(dim=-1).mean() > 0.05
    assert (label[:, :, 0] == 0).all()
    assert seen['losses']['rotation'] > 5
    rays = NormalizedCameras.of_samples(samples[1::2], inputs.device).rays(keypoints)
    root = solve_root(label, rays)
    assert reprojection_errors(label, root, rays, (1.5, 1.5)).max() < 1e-5
    assert_close(keypoints[:, :, 0], inputs[1::2, :, 0])
    other = solve_root(pose[::2], rays)
    assert reprojection_errors(pose[::2], other, rays, (1.5, 1.5)).max() > 1e-2


def test_gradients_of_disjoint_sets(make_gan, batch):
    inputs, samples, *_ = batch
    model = make_gan(change=0.5)
    losses = model.loss(inputs, samples)
    trained = {n: p for n, p in model.named_parameters() if p.requires_grad}
    for part, key in zip(PARTS, ('pose', 'generator', 'discriminator'), strict=True):
        model.zero_grad()
        losses[f'loss_{key}'].backward()
        touched = {name for name, p in trained.items() if p.grad is not None}
        assert touched == {name for name in trained if owner(name) == part}
    parts = [set(part.parameters()) for part in model.optimised_parts().values()]
    assert sum(map(len, parts)) == len(set().union(*parts))
    assert set(trained.values()) <= set().union(*parts)


def test_generator_loss_reaches_it_through_the_discriminator(make_gan, batch):
    """The value is that of the discriminator itself, and steps on it lower it."""
    inputs, samples, *_ = batch
    model = make_gan(dict(moderation=0.0), change=0.5)
    losses = model.loss(inputs, samples)
    fake = student_batch(model, inputs, samples)['keypoints']
    expected = 0.5 * (model.discriminator(fake) - 1).square().mean()
    assert_close(losses['loss_generator'], expected)
    optimizer = torch.optim.Adam(model.generator.parameters(), lr=1e-2)
    for _ in range(20):
        loss = model.loss(inputs, samples)['loss_generator']
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss < losses['loss_generator'] - 1e-3


def test_moderation(make_gan, batch):
    inputs, samples, *_ = batch
    free, held = (
        make_gan(dict(moderation=weight), change=2.0).loss(inputs, samples)
        for weight in (0.0, 1.0)
    )
    extra = held['loss_generator'] - free['loss_generator']
    share = math.radians(free['rotation']) / math.radians(45)
    assert 0.5 * share**2 < extra < 2


def test_frames_that_count(make_gan, batch):
    """Padded frames are not scored, of neither side."""
    inputs, *_ = batch
    model = make_gan()
    weight = torch.ones(2, 3, 17)
    weight[:, 2] = 0
    real, generated = inputs[::2], inputs[1::2]
    mirrored = [pose.clone() for pose in (real, generated)]
    for pose in mirrored:  # another shape of the same size
        pose[:, 2, :, 0] = 2 * pose[:, 2, :1, 0] - pose[:, 2, :, 0]
    first = model.adversarial_losses(generated, weight, real, weight)
    second = model.adversarial_losses(mirrored[1], weight, mirrored[0], weight)
    for key, value in first.items():
        assert_close(second[key], value)
    all_count = torch.ones_like(weight)
    for weights in ((weight, all_count), (all_count, weight)):
        arguments = mirrored[1], weights[0], mirrored[0], weights[1]
        third = model.adversarial_losses(*arguments)['loss_discriminator']
        assert abs(third - first['loss_discriminator']) > 1e-6


def test_one_step(make_gan, batch):
    """An optimiser a part does what a single one does, and all parts move."""
    inputs, samples, *_ = batch
    data = dict(inputs=inputs, data_samples=samples)
    models = [make_gan(change=0.5) for _ in range(2)]
    before = {n: p.clone() for n, p in models[0].named_parameters()}
    single = OptimWrapper(torch.optim.SGD(models[1].parameters(), lr=0.01))
    logs = [
        model.train_step(data, wrapper)
        for model, wrapper in zip(
            models, (optimizers(models[0], lr=0.01), single), strict=True
        )
    ]
    assert logs[0].keys() == logs[1].keys() and 'loss' in logs[0]
    assert all(torch.equal(logs[0][key], logs[1][key]) for key in logs[0])
    moved = set()
    for (name, mine), theirs in zip(
        models[0].named_parameters(), models[1].parameters(), strict=True
    ):
        assert_close(mine, theirs)
        if not torch.equal(mine, before[name]):
            moved.add(owner(name))
    assert moved == set(PARTS)


def test_student_options(make_gan, batch):
    inputs, samples, *_ = batch
    plain = student_batch(make_gan(), inputs, samples)
    assert plain['timesteps'].tolist() == [999, 999]
    assert not plain['label'].requires_grad and not plain['keypoints'].requires_grad
    drawn = student_batch(make_gan(dict(student_timestep='random')), inputs, samples)
    assert drawn['timesteps'].tolist() != [999, 999]
    mirrored = student_batch(make_gan(dict(flip_prob=1.0)), inputs, samples)
    for key in ('keypoints', 'label'):
        assert_close(mirrored[key][..., 0, 0], -plain[key][..., 0, 0])
        assert_close(mirrored[key][..., 4, 1], plain[key][..., 1, 1])


def test_never_reads_target_labels(make_gan, batch):
    inputs, samples, *_ = batch
    first = make_gan(change=0.5).loss(inputs, samples)
    for sample in samples[1::2]:
        assert 'lifting_target_label' not in sample.gt_instance_labels
        sample.set_metainfo(dict(root_cam=None))
        del sample.gt_instance_labels.lifting_target_weight
    second = make_gan(change=0.5).loss(inputs, samples)
    assert all(torch.equal(first[key], second[key]) for key in first)


def test_predicts_without_the_gan(make_gan, make_diffusion_lifter, make_camera_batch):
    source = make_diffusion_lifter(seed=5)
    model = make_gan(change=0.5)
    missing, unexpected = model.load_state_dict(source.state_dict(), strict=False)
    assert not unexpected
    gan = ('generator.', 'discriminator.')
    assert all(
        '.lora_' in name or name == 'bias.bias' or name.startswith(gan)
        for name in missing
    )
    inputs, samples, *_ = make_camera_batch()
    found, expected = (m.eval().predict(inputs, samples) for m in (model, source))
    for one, other in zip(found, expected, strict=True):
        assert (one.pred_instances.keypoints == other.pred_instances.keypoints).all()


def test_bfloat16(make_gan, batch):
    """Geometry stays in single precision: exact where nothing is changed."""
    inputs, samples, pose, _ = batch
    full = make_gan(change=0.5).loss(inputs, samples)
    model = make_gan(change=0.5)
    with torch.autocast('cpu', torch.bfloat16):
        half = model.loss(inputs, samples)
        start = student_batch(make_gan(), inputs, samples)
    assert torch.equal(start['label'], pose[::2])
    assert_close(start['keypoints'][:, :, 0], inputs[1::2, :, 0])
    sum(half[f'loss_{key}'] for key in ('pose', *PARTS[1:])).backward()
    for key, value in half.items():
        assert value.dtype == torch.float32
        assert_close(value, full[key], rtol=0.05, atol=0.01)
    trained = [p for p in model.parameters() if p.requires_grad]
    assert all(p.grad.isfinite().all() for p in trained)


def people(count, seed, pitch=0.0):
    """Windows ``(count, 1, 17, 3)`` of people 4 m before a camera that looks down."""
    rng = np.random.default_rng(seed)
    poses = []
    for number in range(count):
        kind = MOTIONS[number % len(MOTIONS)]
        world = motion(kind, Body.sample(rng), num_frames=8, fps=25, generator=rng)[-1:]
        yaw = rng.uniform(-np.pi, np.pi)
        x, y, z = np.moveaxis(world - world[:, :1], -1, 0)
        x, y = np.cos(yaw) * x + np.sin(yaw) * y, np.cos(yaw) * y - np.sin(yaw) * x
        poses.append(np.stack([x, -z, y], axis=-1))
    x, y, z = torch.from_numpy(np.stack(poses)).float().unbind(-1)
    y, z = (
        math.cos(pitch) * y + math.sin(pitch) * z,
        math.cos(pitch) * z - math.sin(pitch) * y,
    )
    return torch.stack([x, y, z], dim=-1)


@pytest.mark.parametrize('pitch', [0.6, -0.6])
def test_learns_the_viewpoint(make_gan, make_camera_batch, pitch):
    """Cameras of the target look down on (up at) people: 34 degrees about x."""
    model = make_gan(dict(moderation=0.02), width=32, seq_len=1)
    _, samples, *_ = make_camera_batch(64, 1, labels='alternate')
    cameras = NormalizedCameras.of_samples(samples[::2], torch.device('cpu'))
    source, target = people(64, 1), people(64, 2, pitch)
    absolute = target + torch.tensor([0.0, 0.0, 4.0])
    keypoints = absolute[..., :2] / absolute[..., 2:] * cameras.f[0] + cameras.c[0]
    wrapper = optimizers(model, torch.optim.Adam, lr=5e-3, betas=(0.5, 0.9))
    generator = torch.Generator().manual_seed(0)
    turns = []
    model.generator.register_forward_hook(
        lambda module, args, change: turns.append(change.rotation.detach())
    )
    for _ in range(110):
        chosen = torch.randint(64, (2, 32), generator=generator)
        inputs = keypoints[chosen[1]].repeat_interleave(2, 0)
        for sample, number in zip(samples[::2], chosen[0], strict=True):
            sample.gt_instance_labels.lifting_target_label = source[number]
        model.train_step(dict(inputs=inputs, data_samples=samples), wrapper)
    turn = torch.cat(turns[-15:]).mean(0).rad2deg()
    assert -turn[0] * math.copysign(1, pitch) > 10
    assert turn[1:].abs().max() < turn[0].abs()


@pytest.fixture
def tiny(pose_store, monkeypatch):
    """Loads the small run."""
    monkeypatch.setenv('POSE_STORE', str(pose_store))

    def load(work_dir, **options):
        cfg = Config.fromfile(FIXTURES / 'tiny_gan.py')
        cfg.work_dir = str(work_dir)
        cfg.experiment_name = f'gan_{work_dir.name}'
        cfg.default_hooks.checkpoint.max_keep_ckpts = -1
        for drawing in ('learning_curve', 'visualization'):
            del cfg.default_hooks[drawing]
        cfg.merge_from_dict(options)
        return cfg

    return load


def test_in_runner(tiny, tmp_path):
    """Trains all parts, resumes to where the uninterrupted run ends, predicts."""
    whole = Runner.from_cfg(tiny(tmp_path / 'whole'))
    start = {name: value.clone() for name, value in whole.model.state_dict().items()}
    whole.train()
    middle = str(tmp_path / 'whole/epoch_1.pth')
    again = tiny(tmp_path / 'again', load_from=middle, resume=True)
    resumed = Runner.from_cfg(again)
    resumed.train()
    expected, found = (
        load_checkpoint(tmp_path / name / 'epoch_2.pth') for name in ('whole', 'again')
    )
    weights = expected['state_dict']
    for name, value in weights.items():
        assert torch.equal(found['state_dict'][name], value), name
    changed = {owner(n) for n in weights if not torch.equal(weights[n], start[n])}
    assert changed == set(PARTS)
    assert set(expected['optimizer']) == set(PARTS)
    for part in PARTS:
        moments, others = (c['optimizer'][part]['state'] for c in (expected, found))
        assert moments and moments.keys() == others.keys()
        for index, state in moments.items():
            assert all(torch.equal(state[key], others[index][key]) for key in state)
    rates = {
        part: wrapper.get_lr()['lr'][0] for part, wrapper in whole.optim_wrapper.items()
    }
    assert rates == pytest.approx(
        dict(lifter=9e-4, generator=1.8e-3, discriminator=2.7e-3)
    )
    assert resumed.test() == whole.test()


def test_mixed_precision_in_runner(tiny, tmp_path):
    """As `tools/train.py --amp` sets it."""
    options = {'optim_wrapper.type': 'Bf16OptimWrapper', 'train_cfg.max_epochs': 1}
    runner = Runner.from_cfg(tiny(tmp_path, **options))
    dtypes = set()
    runner.model.discriminator.layers[0].register_forward_hook(
        lambda module, args, output: dtypes.add(output.dtype)
    )
    runner.train()
    assert dtypes == {torch.bfloat16}


@pytest.fixture
def process_group(tmp_path):
    """One process that believes it is one of several."""
    torch.distributed.init_process_group(
        'gloo', init_method=f'file://{tmp_path}/group', rank=0, world_size=1
    )
    yield
    torch.distributed.destroy_process_group()


def test_distributed(make_gan, batch, process_group):
    """MMEngine's wrapper with a single optimiser: the same step, twice."""
    inputs, samples, *_ = batch
    data = dict(inputs=inputs, data_samples=samples)
    models = [make_gan(change=0.5) for _ in range(2)]
    wrappers = [OptimWrapper(torch.optim.SGD(m.parameters(), lr=0.01)) for m in models]
    distributed = MMDistributedDataParallel(models[0])
    for _ in range(2):
        distributed.train_step(data, wrappers[0])
        models[1].train_step(data, wrappers[1])
    for mine, theirs in zip(
        models[0].parameters(), models[1].parameters(), strict=True
    ):
        assert_close(mine, theirs)


@pytest.mark.parametrize(
    ('train_cfg', 'options', 'message'),
    [
        (dict(num_hypotheses=3), {}, r"no teacher: \['num_hypotheses'\]"),
        (dict(pseudo_labels=True), {}, 'pseudo_labels'),
        (dict(root='solved'), {}, 'root'),
        ({}, dict(teacher=dict(momentum=0.5)), 'no teacher'),
        (dict(moderation=-1.0), {}, 'moderation must be 0 or more, got -1.0'),
        (dict(setting='test'), {}, 'setting must be one of'),
        (dict(student_timestep=0), {}, 'student_timestep must be one of'),
        ({}, dict(generator=dict(max_ratio=0.5)), 'max_ratio'),
        ({}, dict(discriminator=dict(kernel_size=2)), 'kernel_size'),
    ],
)
def test_invalid(make_gan, train_cfg, options, message):
    with pytest.raises(ValueError, match=message):
        make_gan(train_cfg, **options)


def test_invalid_batches(make_gan, make_camera_batch):
    model = make_gan()
    inputs, samples, *_ = make_camera_batch(4)
    with pytest.raises(ValueError, match='batch of 4 windows with labels for 4'):
        model.loss(inputs, samples)
    inputs, samples, *_ = make_camera_batch(4, labels='alternate', cameras=False)
    with pytest.raises(ValueError, match='intrinsics'):
        model.loss(inputs, samples)
