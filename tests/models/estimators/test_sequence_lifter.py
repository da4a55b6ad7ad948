import numpy as np
import pytest
import torch
from mmengine.config import Config, ConfigDict
from mmengine.logging import MessageHub
from mmengine.runner import Runner
from mmpose.registry import MODELS
from torch import nn
from torch.testing import assert_close

from mmpose_ext.geometry import FLIP_INDICES
from mmpose_ext.models.estimators import flip_inputs, flip_poses

KINDS = ('prml', 'motionbert', 'mixste')
LEFT, RIGHT = [4, 5, 6, 11, 12, 13], [1, 2, 3, 14, 15, 16]


@pytest.fixture
def hub():
    """A message hub whose step can be set, as a run does."""
    MessageHub.get_instance('flips')
    return MessageHub.get_current_instance()


@pytest.fixture
def toy(make_lifter):
    """A lifter that flips with its input: it scales each coordinate of each joint."""

    def make(**options):
        model = make_lifter('motionbert', **options)
        model.backbone = nn.Identity()
        linear = nn.Linear(3, 3, bias=False)
        linear.weight.data = torch.diag(torch.tensor([0.5, 2.0, 3.0]))
        model.head.hidden, model.head.regression = nn.Identity(), linear
        return model

    return make


def flipped_windows(model, inputs, samples):
    """Which windows `loss` flipped."""
    seen = []
    extract = model.extract_feat
    model.extract_feat = lambda x: seen.append(x) or extract(x)
    model.loss(inputs, samples)
    del model.extract_feat
    same = (seen[0] == inputs).flatten(1).all(1)
    mirrored = (seen[0] == flip_poses(inputs, FLIP_INDICES)).flatten(1).all(1)
    assert (same ^ mirrored).all()
    return mirrored


@pytest.mark.parametrize('kind', KINDS)
@pytest.mark.parametrize('frames', [1, 3])
def test_shapes(kind, frames, make_lifter, make_batch):
    model = make_lifter(kind, seq_len=frames).eval()
    inputs, samples = make_batch(batch=4, seq_len=frames)
    assert model(inputs, None, mode='tensor').shape == (4, frames, 17, 3)
    results = model(list(inputs), samples, mode='predict')
    assert len(results) == 4
    for result in results:
        assert result.pred_instances.keypoints.shape == (frames, 17, 3)
        assert np.abs(result.pred_instances.keypoints[:, 0]).max() == 0
    losses = model(inputs, samples, mode='loss')
    assert all(value.isfinite() and value.dim() == 0 for value in losses.values())
    assert model.causal is False


def test_flipped_poses():
    poses = torch.randn(2, 3, 17, 3)
    flipped = flip_poses(poses, FLIP_INDICES)
    assert torch.equal(flip_poses(flipped, FLIP_INDICES), poses)
    assert torch.equal(flipped[..., LEFT, 0], -poses[..., RIGHT, 0])
    assert torch.equal(flipped[..., LEFT, 1:], poses[..., RIGHT, 1:])
    middle = [0, 7, 8, 9, 10]
    assert torch.equal(flipped[..., middle, 0], -poses[..., middle, 0])
    assert torch.equal(flipped[..., middle, 1:], poses[..., middle, 1:])


@pytest.mark.parametrize('kind', KINDS)
def test_flip_test(kind, make_lifter, make_batch):
    """The average over both views of a flipped input is the flipped average."""
    inputs, samples = make_batch()
    flipped = flip_poses(inputs, FLIP_INDICES)
    for flip_test in (True, False):
        model = make_lifter(kind, test_cfg=dict(flip_test=flip_test)).eval()
        for parameter in model.parameters():
            nn.init.normal_(parameter, std=0.3)
        pred = model.predict_coordinates(inputs, samples)
        other = flip_poses(model.predict_coordinates(flipped, samples), FLIP_INDICES)
        assert torch.allclose(pred, other, atol=1e-5) == flip_test
        if flip_test:
            both = [model._forward(x) for x in (inputs, flipped)]
            expected = (both[0] + flip_poses(both[1], FLIP_INDICES)) / 2
            assert_close(pred, expected, atol=1e-5, rtol=1e-5)


@pytest.fixture
def with_maps(make_config, make_batch):
    """A lifter that reads feature maps, and a batch of samples as they are loaded."""
    maps = dict(name='latents', to='both', channels=4, resolution=(2, 3))
    config = make_config(
        'prml', train_cfg=dict(flip_prob=0.5), test_cfg=dict(flip_test=True)
    )
    config['backbone']['image_features'] = maps
    torch.manual_seed(0)
    keypoints, samples = make_batch(batch=4)
    inputs = dict(keypoints=list(keypoints), latents=list(torch.randn(4, 3, 4, 2, 3)))
    return MODELS.build(config), inputs, samples


def test_feature_maps(with_maps, hub):
    model, inputs, samples = with_maps
    losses = model(inputs, samples, mode='loss')
    model.parse_losses(losses)[0].backward()
    assert all(parameter.grad is not None for parameter in model.parameters())
    pred = model.eval()(inputs, samples, mode='predict')[0].pred_instances.keypoints
    other = {**inputs, 'latents': [value + 1 for value in inputs['latents']]}
    moved = model(other, samples, mode='predict')[0].pred_instances.keypoints
    assert pred.shape == (3, 17, 3) and not np.allclose(pred, moved)


def test_flipped_inputs():
    poses, maps = torch.randn(2, 3, 17, 2), torch.arange(6.0).reshape(1, 1, 1, 2, 3)
    found = flip_inputs(
        dict(keypoints=poses, crop_keypoints=poses, m=maps), FLIP_INDICES
    )
    for name in ('keypoints', 'crop_keypoints'):
        assert torch.equal(found[name], flip_poses(poses, FLIP_INDICES))
    assert found['m'].flatten().tolist() == [2, 1, 0, 5, 4, 3]


def test_missing_and_needless_features(with_maps, make_lifter, make_batch):
    model, inputs, samples = with_maps
    with pytest.raises(
        ValueError, match=r"takes the features \['latents'\].*brings \[\]"
    ):
        model(inputs['keypoints'], samples, mode='predict')
    with pytest.raises(ValueError, match=r"takes the features \[\].*\['latents'\]"):
        make_lifter('motionbert')(inputs, samples, mode='predict')


def test_training_flips_keep_the_loss_of_a_symmetric_model(toy, make_batch, hub):
    inputs, samples = make_batch(batch=6)
    for index, sample in enumerate(samples):
        # Some joints count only on one side, so their weights must be swapped too.
        sample.gt_instance_labels.lifting_target_weight[:, LEFT[: index % 3 + 1]] = 0
    plain = toy().loss(inputs, samples)
    for probability in (0.5, 1.0):
        flips = toy(train_cfg=dict(flip_prob=probability))
        assert_close(flips.loss(inputs, samples), plain)
    swapped = flip_poses(inputs, FLIP_INDICES)
    assert toy().loss(swapped, samples)['loss_pose'] != plain['loss_pose']


def test_training_flips_change_the_loss_of_other_models(make_lifter, make_batch):
    inputs, samples = make_batch()
    plain = make_lifter('motionbert').loss(inputs, samples)['loss_pose']
    always = make_lifter('motionbert', train_cfg=dict(flip_prob=1.0))
    assert always.loss(inputs, samples)['loss_pose'] != plain


def test_training_flips_depend_on_seed_and_step_alone(toy, make_batch, hub):
    model, (inputs, samples) = toy(train_cfg=dict(flip_prob=0.5)), make_batch(batch=32)

    def drawn(seed, step, waste=0):
        torch.manual_seed(seed)
        torch.rand(waste)
        hub.update_info('iter', step)
        return flipped_windows(model, inputs, samples)

    first = drawn(seed=1, step=7)
    assert 0 < first.sum() < 32
    assert torch.equal(drawn(seed=1, step=7, waste=100), first)
    assert not torch.equal(drawn(seed=1, step=8), first)
    assert not torch.equal(drawn(seed=2, step=7), first)


def test_probability_of_training_flips(toy, make_batch, hub):
    inputs, samples = make_batch(batch=8, seq_len=1)
    for probability in (0.0, 0.2, 1.0):
        model = toy(train_cfg=dict(flip_prob=probability))
        count = 0
        for step in range(100):
            hub.update_info('iter', step)
            count += int(flipped_windows(model, inputs, samples).sum())
        assert count / 800 == pytest.approx(probability, abs=0.05)


@pytest.mark.parametrize(('target', 'unit'), [('camera', 1.0), ('image', 2.5)])
def test_prediction_in_metres(target, unit, toy, make_batch):
    """A unit of the 2.5D target is 500 px here, at 5 mm a pixel."""
    inputs, samples = make_batch(factor=0.005)
    model = toy(target=target).eval()
    results = model.predict(inputs, samples)
    scaled = inputs * torch.tensor([0.5, 2.0, 3.0])
    expected = unit * (scaled - scaled[:, :, :1])
    for result, pose in zip(results, expected, strict=True):
        found = torch.as_tensor(result.pred_instances.keypoints)
        assert_close(found, pose, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize('flip_test', [True, False])
def test_xy_passthrough(flip_test, make_lifter, make_batch):
    inputs, samples = make_batch()
    options = dict(flip_test=flip_test, xy_passthrough=True)
    model = make_lifter('prml', target='image', test_cfg=options).eval()
    pred = model.predict_coordinates(inputs, samples)
    xy = inputs[..., :2] - inputs[:, :, :1, :2]
    assert torch.equal(pred[..., :2], xy)
    model.test_cfg.pop('xy_passthrough')
    kept = model.predict_coordinates(inputs, samples)
    assert torch.equal(pred[..., 2], kept[..., 2])
    assert not torch.allclose(pred[..., :2], kept[..., :2], atol=1e-2)


def test_xy_passthrough_of_camera_target(make_lifter):
    with pytest.raises(ValueError, match="xy_passthrough needs .* target='image'"):
        make_lifter('prml', test_cfg=dict(xy_passthrough=True))


@pytest.mark.parametrize('kind', KINDS)
def test_windows_do_not_see_each_other(kind, make_lifter, make_batch):
    model, (inputs, _) = make_lifter(kind).eval(), make_batch(batch=3)
    together = model._forward(inputs)
    alone = torch.cat([model._forward(window[None]) for window in inputs])
    assert_close(together, alone, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize(
    'backend',
    [
        'aot_eager',  # the whole graph, forward and backward, without a C++ compiler
        pytest.param('inductor', marks=[pytest.mark.slow, pytest.mark.timeout(900)]),
    ],
)
@pytest.mark.parametrize('kind', KINDS)
def test_compiled_values_and_gradients(kind, backend, make_lifter, make_batch):
    torch._dynamo.reset()
    inputs, samples = make_batch()
    plain, fast = make_lifter(kind).eval(), make_lifter(kind).eval()
    fast.extract_feat = torch.compile(
        fast.extract_feat, backend=backend, fullgraph=True
    )
    losses = [model.loss(inputs, samples) for model in (plain, fast)]
    assert_close(losses[1], losses[0], atol=1e-5, rtol=1e-5)
    for found in losses:
        sum(value for key, value in found.items() if 'loss' in key).backward()
    for a, b in zip(fast.parameters(), plain.parameters(), strict=True):
        assert_close(a.grad, b.grad, atol=1e-5, rtol=1e-4)


@pytest.fixture
def run(make_config, pose_store, tmp_path):
    """Runs the stock runner on the pose store; options replace parts of the config."""

    def make(**options):
        codec = dict(type='LiftingLabel', target='camera')
        dataset = dict(
            type='LiftingDataset',
            store=str(pose_store),
            seq_len=3,
            pipeline=[
                dict(type='GenerateTarget', encoder=codec),
                dict(type='PackLiftingInputs'),
            ],
        )
        train = dict(
            batch_size=4,
            num_workers=0,
            sampler=dict(type='InfiniteSampler', shuffle=True),
            dataset=dict(**dataset, split='train'),
        )
        test = dict(
            batch_size=4,
            num_workers=0,
            sampler=dict(type='DefaultSampler', shuffle=False),
            dataset=dict(**dataset, split='test', test_mode=True),
        )
        flips = dict(train_cfg=dict(flip_prob=0.5), test_cfg=dict(flip_test=True))
        settings = dict(
            model=make_config('prml', **flips),
            work_dir=str(tmp_path),
            experiment_name=f'{tmp_path.name}_{len(options)}',
            train_dataloader=train,
            test_dataloader=test,
            test_evaluator=dict(type='PoseLiftingMetric'),
            optim_wrapper=dict(optimizer=dict(type='AdamW', lr=1e-3)),
            train_cfg=dict(by_epoch=False, max_iters=2),
            test_cfg=dict(),
            default_hooks=dict(
                checkpoint=dict(type='CheckpointHook', interval=1, by_epoch=False)
            ),
            default_scope='mmpose',
            randomness=dict(seed=0),
            log_level='WARNING',
        )
        return Runner.from_cfg(Config(ConfigDict({**settings, **options})))

    return make


def test_in_runner(run, tmp_path):
    runner = run()
    start = {k: v.clone() for k, v in runner.model.state_dict().items()}
    runner.train()
    trained = runner.model.state_dict()
    moved = [k for k, p in runner.model.named_parameters() if (p != start[k]).any()]
    assert len(moved) == len(list(runner.model.parameters()))
    assert (tmp_path / 'iter_2.pth').is_file()
    metrics = runner.test()
    assert 0 < metrics['MPJPE'] < 2000

    resumed = run(resume=True, train_cfg=dict(by_epoch=False, max_iters=3))
    resumed.train()
    assert resumed.iter == 3
    assert (tmp_path / 'iter_3.pth').is_file()

    loaded = run(load_from=str(tmp_path / 'iter_2.pth'))
    again = loaded.test()
    assert again == pytest.approx(metrics, rel=1e-5)
    assert_close(loaded.model.state_dict(), trained)


def test_invalid(make_config):
    config = make_config('prml')
    config['backbone']['type'] = 'NoSuchBackbone'
    with pytest.raises(KeyError, match='NoSuchBackbone'):
        MODELS.build(config)
