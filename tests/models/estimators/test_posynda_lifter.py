import copy

import pytest
import torch
from mmengine.logging import MessageHub
from mmpose.registry import MODELS
from no_waiting import NoWaiting
from student_batch import student_batch
from torch import nn
from torch.testing import assert_close

from mmpose_ext.geometry import choose_joints, choose_pose, place_like_target
from mmpose_ext.models.estimators.diffusion_lifter import hypothesis_errors
from mmpose_ext.models.normalized_cameras import NormalizedCameras

PUBLISHED = {1: 49_194, 2: 98_346, 3: 147_498, 4: 196_650, 5: 245_802, 6: 294_954}


@pytest.fixture
def hub():
    """A message hub whose step can be set, as a run does."""
    MessageHub.get_instance('posynda')
    return MessageHub.get_current_instance()


@pytest.fixture
def make_lifter(make_diffusion_lifter):
    def make(train_cfg=None, **options):
        options = dict(lora=dict(rank=2)) | options
        return make_diffusion_lifter(
            'PoSynDALifter', train_cfg=train_cfg or {}, **options
        )

    return make


@pytest.fixture
def batch(make_camera_batch):
    """Source, target, source, target: 2D, samples, true poses, true roots."""
    return make_camera_batch(batch=4, labels='alternate')


def full_size(rank, **options):
    with torch.device('meta'):
        return MODELS.build(
            dict(
                type='PoSynDALifter',
                backbone=dict(type='DiffusionMixSTE', seq_len=27),
                head=dict(
                    type='PoseRegressionHead', in_channels=512, norm=True, losses={}
                ),
                lora=dict(rank=rank),
                **options,
            )
        )


def trainable(model):
    return {n: p for n, p in model.named_parameters() if p.requires_grad}


@pytest.mark.parametrize(('rank', 'count'), PUBLISHED.items())
def test_trainable_parameters(rank, count):
    """Table 7, of which 42 are the bias of 14 joints."""
    for bias, expected in (('pck', count), (None, count - 42), ('all', count + 9)):
        model = full_size(rank, bias=bias)
        assert sum(p.numel() for p in trainable(model).values()) == expected


def test_shapes(make_lifter, batch, hub):
    inputs, samples, *_ = batch
    model = make_lifter(teacher=dict(momentum=0.5))
    losses = model(inputs, samples, mode='loss')
    assert set(losses) == {'loss_pose', 'reprojection'}
    assert all(value.isfinite() and value.dim() == 0 for value in losses.values())
    results = model(inputs, samples, mode='predict')
    assert results[0].pred_instances.keypoints.shape == (3, 17, 3)


@pytest.mark.parametrize(
    'options', [dict(), dict(selection='joint', student_timestep='random')]
)
def test_never_waits_for_the_device(make_lifter, batch, hub, options):
    inputs, samples, *_ = batch
    train_cfg = dict(flip_prob=0.5, augmentation=dict(refinements=1), **options)
    model = make_lifter(train_cfg, teacher=dict(momentum=0.5))
    with NoWaiting():
        model.loss(inputs, samples)['loss_pose'].backward()


@pytest.mark.parametrize(
    'backend',
    [
        'aot_eager',  # the whole graph, forward and backward, without a C++ compiler
        pytest.param('inductor', marks=[pytest.mark.slow, pytest.mark.timeout(900)]),
    ],
)
def test_compiled_values_and_gradients(backend, make_lifter, batch):
    """The network with its adapters compiles as one graph."""
    torch._dynamo.reset()
    inputs, samples, *_ = batch
    plain, fast = make_lifter(), make_lifter()
    fast.denoise = torch.compile(fast.denoise, backend=backend, fullgraph=True)
    losses = [model.loss(inputs, samples)['loss_pose'] for model in (plain, fast)]
    assert_close(losses[1], losses[0], atol=1e-6, rtol=1e-4)
    for loss in losses:
        loss.backward()
    for name, weight in trainable(plain).items():
        other = fast.get_parameter(name)
        assert_close(other.grad, weight.grad, atol=1e-5, rtol=1e-3)


def test_starts_where_the_source_ended(
    make_lifter, make_diffusion_lifter, make_camera_batch
):
    source = make_diffusion_lifter(seed=5)
    model = make_lifter()
    missing, unexpected = model.load_state_dict(source.state_dict(), strict=False)
    assert not unexpected and missing == ['bias.bias']
    inputs, samples, *_ = make_camera_batch()
    found, expected = (m.eval().predict(inputs, samples) for m in (model, source))
    for one, other in zip(found, expected, strict=True):
        assert (one.pred_instances.keypoints == other.pred_instances.keypoints).all()


@pytest.mark.parametrize('hypotheses', [1, 3, 5])
def test_calls_of_the_network(make_lifter, batch, hypotheses):
    """One call of the teacher, folded, without gradient; one of the student."""
    inputs, samples, *_ = batch
    model = make_lifter(dict(num_hypotheses=hypotheses))
    calls = []
    model.backbone.register_forward_hook(
        lambda module, args, output: calls.append(
            (len(output), output.requires_grad, module.training)
        )
    )
    losses = model.train()(inputs, samples, mode='loss')
    losses['loss_pose'].backward()
    assert calls == [(2 * hypotheses, False, False), (4, True, True)]
    assert model.backbone.training
    with_gradient = {n for n, p in model.named_parameters() if p.grad is not None}
    assert with_gradient == set(trainable(model))
    assert all('.lora_' in name or name == 'bias.bias' for name in with_gradient)


def test_statistics_of_frozen_weights_stay(batch):
    """VideoPose3D normalises batches; a frozen one keeps the source's statistics."""
    inputs, samples, *_ = batch
    for lora, still in ((dict(rank=2, targets=['conv2.0.conv']), True), (None, False)):
        model = MODELS.build(
            dict(
                type='PoSynDALifter',
                backbone=dict(type='DiffusionVideoPose3D', embed_dims=8),
                head=dict(
                    type='FrameRegressionHead',
                    in_channels=8,
                    losses=dict(pose=dict(type='PoseSquaredErrorLoss')),
                ),
                lora=lora,
            )
        ).train()
        before = {name: value.clone() for name, value in model.named_buffers()}
        model.loss(inputs, samples)['loss_pose'].backward()
        moved = [n for n, v in model.named_buffers() if not torch.equal(v, before[n])]
        assert (moved == []) == still
        assert model.training and model.backbone.tcn.tcn_blocks[0].training


def test_source_stands_like_the_target(make_lifter, batch):
    inputs, samples, pose, _ = batch
    model = make_lifter(dict(augmentation=dict(refinements=1)))
    seen = student_batch(model, inputs, samples)
    cameras = NormalizedCameras.of_samples(samples[1::2], inputs.device)
    _, expected = place_like_target(
        pose[::2], inputs[1::2], cameras.f, cameras.c, refinements=1
    )
    assert_close(seen['keypoints'][:2], expected)
    assert_close(seen['keypoints'][:2, :, 0], inputs[1::2, :, 0])
    assert torch.equal(seen['label'][:2], pose[::2])
    assert torch.equal(seen['keypoints'][2:], inputs[1::2])
    plain = student_batch(make_lifter(dict(augment_source=False)), inputs, samples)
    assert torch.equal(plain['keypoints'][:2], inputs[::2])


@pytest.mark.parametrize('root', ['solved', 'ground_truth'])
@pytest.mark.parametrize('selection', ['pose', 'joint'])
def test_pseudo_labels(make_lifter, batch, root, selection):
    """Those hypotheses of the current weights that project nearest to the 2D."""
    inputs, samples, _, roots = batch
    model = make_lifter(dict(selection=selection, root=root))
    drawn = []
    model.backbone.register_forward_hook(lambda module, args, out: drawn.append(out))
    seen = student_batch(model, inputs, samples)
    poses = model.bias(model.head(drawn[0])).clamp(-1.1, 1.1)
    hypotheses = (poses - poses[..., :1, :]).unflatten(0, (2, 3))
    cameras = NormalizedCameras.of_samples(samples[1::2], inputs.device)
    known = roots[1::2] if root == 'ground_truth' else None
    errors = hypothesis_errors(hypotheses, inputs[1::2], cameras, known)
    if selection == 'pose':
        expected, index = choose_pose(hypotheses, errors)
        assert len(index.unique()) > 1, 'not always the same'
    else:
        expected = choose_joints(hypotheses, errors)
        least = errors.amin(1)
        logged = seen['losses']['reprojection']
        assert_close(logged, least[least.isfinite()].mean())
    assert_close(seen['label'][2:], expected)
    assert (seen['label'][2:, :, 0] == 0).all()
    assert not seen['label'].requires_grad


def test_hypotheses_differ_by_noise(make_lifter, batch):
    inputs, samples, *_ = batch
    model = make_lifter()
    drawn = []
    model.backbone.register_forward_pre_hook(lambda module, args: drawn.append(args))
    model.loss(inputs, samples)
    teacher, student = drawn
    keypoints, noise = teacher[0][..., :2], teacher[0][..., 2:]
    assert torch.equal(keypoints, inputs[1::2].repeat_interleave(3, 0))
    assert noise.abs().max() <= 1.1 and len(noise.flatten(1).unique(dim=0)) == 6
    assert teacher[1].tolist() == [999] * 6
    assert student[1].tolist() == [999] * 4


def test_student_noise(make_lifter, batch):
    inputs, samples, *_ = batch
    seen = student_batch(make_lifter(dict(student_timestep='random')), inputs, samples)
    assert not torch.equal(seen['timesteps'], torch.full((4,), 999))
    assert seen['timesteps'].max() < 1000


def test_source_alone(make_lifter, batch):
    inputs, samples, *_ = batch
    seen = student_batch(make_lifter(dict(pseudo_labels=False)), inputs, samples)
    assert len(seen['label']) == 2
    assert set(seen['losses']) == {'loss_pose'}


def test_target_weights(make_lifter, batch):
    inputs, samples, *_ = batch
    samples[1].gt_instance_labels.lifting_target_weight[2:] = 0
    seen = student_batch(make_lifter(), inputs, samples)
    assert (seen['weight'][2, 2:] == 0).all(), 'no pseudo-label counts there'
    assert (seen['weight'][0, 2:] == 0).all(), 'nor does what was placed there'
    assert (seen['weight'][[0, 2], :2] == 1).all() and (seen['weight'][1] == 1).all()
    # Whatever stands in such frames, nothing else changes.
    inputs = inputs.clone()
    inputs[1, 2:] = 0.0
    other = student_batch(make_lifter(), inputs, samples)
    assert_close(other['keypoints'][0, :2], seen['keypoints'][0, :2])
    assert other['losses']['loss_pose'].isfinite()
    for sample in samples[1::2]:
        del sample.gt_instance_labels.lifting_target_weight
    seen = student_batch(make_lifter(), inputs, samples)
    assert (seen['weight'][:2] == 1).all()


def test_flips(make_lifter, batch, hub):
    """The student's pairs are mirrored, both halves of them."""
    inputs, samples, *_ = batch
    straight = student_batch(make_lifter(dict(flip_prob=0.0)), inputs, samples)
    mirrored = student_batch(make_lifter(dict(flip_prob=1.0)), inputs, samples)
    for key in ('keypoints', 'label'):
        found, expected = mirrored[key], straight[key]
        assert_close(found[..., 0, 0], -expected[..., 0, 0])
        assert_close(found[..., 4, 1], expected[..., 1, 1])


def test_never_reads_target_labels(make_lifter, make_camera_batch, batch):
    """2D alone decides: the loss knows no sample's 3D but the source's."""
    inputs, samples, *_ = batch
    first = make_lifter().loss(inputs, samples)
    for sample in samples[1::2]:
        assert 'lifting_target_label' not in sample.gt_instance_labels
        sample.set_metainfo(dict(root_cam=None))
    assert torch.equal(
        make_lifter().loss(inputs, samples)['loss_pose'], first['loss_pose']
    )


def test_shared_teacher_is_the_student(make_lifter, batch, hub):
    """After an update the teacher has the student's weights."""
    inputs, samples, *_ = batch
    model = make_lifter()
    assert model.teacher is None
    before = student_batch(model, inputs, samples)['label'][2:]
    nn.init.normal_(model.bias.bias, std=0.1)
    after = student_batch(model, inputs, samples)['label'][2:]
    assert not torch.allclose(before, after, atol=1e-3)


def test_slow_teacher(make_lifter, batch, hub):
    inputs, samples, *_ = batch
    model = make_lifter(teacher=dict(momentum=0.25))
    own, student = model.teacher.network['bias'].bias, model.bias.bias
    model.load_state_dict(make_lifter(seed=3).state_dict(), strict=False)
    hub.update_info('iter', 0)
    model.loss(inputs, samples)
    parts = model._parts()
    for mine, theirs in zip(
        model.teacher.network.parameters(), parts.parameters(), strict=True
    ):
        assert torch.equal(mine, theirs), 'starts as the student that was loaded'
        assert not mine.requires_grad
    student.data += 1.0
    hub.update_info('iter', 1)
    model.loss(inputs, samples)
    assert_close(own, torch.full_like(own, 0.25))
    hub.update_info('iter', 2)
    model.loss(inputs, samples)
    assert_close(own, torch.full_like(own, 0.25 + 0.75 * 0.25))
    assert set(copy.deepcopy(model).state_dict()) == set(model.state_dict())
    assert any(name.startswith('teacher.') for name in model.state_dict())


def test_lagging_teacher(make_lifter, batch, hub):
    inputs, samples, *_ = batch
    model = make_lifter(teacher=dict(momentum=1.0, interval=3))
    own = model.teacher.network['bias'].bias
    found = []
    for step in range(7):
        hub.update_info('iter', step)
        model.loss(inputs, samples)
        found.append(float(own[0, 0]))
        model.bias.bias.data += 1.0
    assert found == [0, 0, 0, 3, 3, 3, 6]


def test_pseudo_labels_behind_the_camera(make_lifter, batch):
    """A frame in which no hypothesis fits before the camera does not count."""
    inputs, samples, pose, _ = batch
    model = make_lifter()
    turned = inputs[1::2].clone()
    cameras = NormalizedCameras.of_samples(samples[1::2], inputs.device)
    known = torch.ones(2, 3, 17)
    # Upside down and mirrored: the best place of every hypothesis is behind.
    turned = 2 * cameras.c[:, None, None] - turned
    model.head.forward = lambda feats: pose[1::2].repeat_interleave(3, 0)
    generator = torch.Generator().manual_seed(0)
    _, weight, facts = model.pseudo_label(
        turned, samples[1::2], cameras, known, generator
    )
    assert not weight.any() and facts['reprojection'] == 0


def test_protocol(make_lifter, make_camera_batch):
    inputs, samples, *_ = make_camera_batch()
    model = make_lifter(dict(setting='transductive', root='ground_truth')).eval()
    protocol = model.predict(inputs, samples)[0].pred_instances.protocol
    assert protocol['adaptation'] == 'transductive'
    assert protocol['adaptation_root'] == 'ground_truth'
    model = make_lifter(dict(root='ground_truth')).eval()
    protocol = model.predict(inputs, samples)[0].pred_instances.protocol
    assert protocol['adaptation'] == 'setting not stated'
    assert protocol['adaptation_root'] == 'ground_truth', 'marked in any case'


def test_bfloat16(make_lifter, batch):
    inputs, samples, *_ = batch
    full = make_lifter().loss(inputs, samples)
    model = make_lifter()
    with torch.autocast('cpu', torch.bfloat16):
        half = model.loss(inputs, samples)
    half['loss_pose'].backward()
    assert half['loss_pose'].dtype == torch.float32
    assert_close(half['loss_pose'], full['loss_pose'], rtol=0.05, atol=1e-3)
    assert all(p.grad.isfinite().all() for p in trainable(model).values())


@pytest.mark.parametrize(
    ('train_cfg', 'options', 'message'),
    [
        (dict(num_hypotheses=0), {}, 'num_hypotheses must be at least 1, got 0'),
        (dict(selection='frame'), {}, "selection must be one of.*'frame'"),
        (dict(root='true'), {}, "root must be one of.*'true'"),
        (dict(setting='test'), {}, "setting must be one of.*'test'"),
        (dict(student_timestep=0), {}, 'student_timestep must be one of'),
        ({}, dict(lora=dict(targets=['attn.q'])), "'attn.q' matches no layer"),
        ({}, dict(bias='some'), "'some'"),
        ({}, dict(teacher=dict(momentum=0.0)), 'momentum'),
        ({}, dict(teacher=dict(interval=0)), 'interval'),
    ],
)
def test_invalid(make_lifter, train_cfg, options, message):
    with pytest.raises(ValueError, match=message):
        make_lifter(train_cfg, **options)


@pytest.mark.parametrize(
    ('codec', 'message'),
    [
        (dict(target='camera', unit=1.024), 'unit of the codec must be 1, got 1.024'),
        (dict(target='image'), "target='camera', got 'image'"),
    ],
)
def test_codecs_that_are_not_metres(codec, message):
    head = dict(type='PoseRegressionHead', in_channels=8, losses={})
    head['decoder'] = dict(type='LiftingLabel', **codec)
    backbone = dict(type='DiffusionMixSTE', embed_dims=8, num_heads=2, depth=1)
    with pytest.raises(ValueError, match=message):
        MODELS.build(dict(type='PoSynDALifter', backbone=backbone, head=head))


def test_invalid_batches(make_lifter, make_camera_batch, batch):
    model = make_lifter()
    inputs, samples, *_ = batch
    with pytest.raises(
        ValueError, match='batch of 4 windows with labels for 2.*Sampler'
    ):
        model.loss(inputs, samples[::2] + samples[1::2])
    with pytest.raises(ValueError, match='batch of 3'):
        model.loss(inputs[:3], samples[:3])
    inputs, samples, *_ = make_camera_batch(4, labels='alternate', cameras=False)
    with pytest.raises(ValueError, match=r"'walk\[1:4\]'.*intrinsics"):
        model.loss(inputs, samples)
    inputs, samples, *_ = batch
    for sample in samples:
        sample.set_metainfo(dict(root_cam=None))
    with pytest.raises(ValueError, match='target_root=True'):
        make_lifter(dict(root='ground_truth')).loss(inputs, samples)
