"""CA-PF on maps of a store."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from mmengine.config import Config, ConfigDict
from mmengine.runner import Runner
from mmpose.registry import MODELS
from torch.testing import assert_close

from mmpose_ext.datasets.frame_store import FrameStore
from mmpose_ext.datasets.frame_store_fields import FieldsWriter
from mmpose_ext.geometry import FLIP_INDICES
from mmpose_ext.models.backbones import ContextAwarePoseFormer
from mmpose_ext.models.estimators import flip_inputs

SHAPES = {'fine': (3, 8, 8), 'coarse': (5, 4, 4)}
HEADS = {
    'PoseRegressionHead': dict(
        norm=True, losses=dict(pose=dict(type='JointErrorLoss'))
    ),
    'TwoBranchRegressionHead': dict(
        norm=True, hidden_dims=4, losses=dict(pose=dict(type='DecoupledPoseLoss'))
    ),
}


def config(head='PoseRegressionHead', features=SHAPES, **options):
    return dict(
        type='SequenceLifter',
        backbone=dict(
            type='ContextAwarePoseFormer',
            features=features,
            in_channels=3,
            embed_dims=8,
            depth=2,
            num_heads=2,
            context_heads=2,
            num_points=2,
        ),
        head=dict(
            type=head,
            in_channels=(1 + len(features)) * 8,
            decoder=dict(type='LiftingLabel', target='camera'),
            **HEADS[head],
        ),
        **options,
    )


def lifter(*args, **options):
    torch.manual_seed(0)
    return MODELS.build(config(*args, **options))


def with_features(keypoints, features=SHAPES):
    """Inputs with random maps, and joints in the middle of the crop."""
    generator = torch.Generator().manual_seed(1)
    window = keypoints.shape[:2]
    maps = {
        name: torch.randn((*window, *shape), generator=generator)
        for name, shape in features.items()
    }
    joints = torch.rand((*window, 17, 2), generator=generator) * 1.8 - 0.9
    return dict(keypoints=keypoints, crop_keypoints=joints, **maps)


@pytest.fixture
def batch(make_batch):
    def make(*args, **options):
        keypoints, samples = make_batch(*args, **options)
        return with_features(keypoints), samples

    return make


@pytest.mark.parametrize('head', HEADS)
@pytest.mark.parametrize('frames', [1, 3])
def test_shapes(head, frames, batch):
    model = lifter(head, test_cfg=dict(flip_test=True)).eval()
    inputs, samples = batch(2, frames)
    assert model.extract_feat(inputs).shape == (2, frames, 17, 24)
    assert model(inputs, None, mode='tensor').shape == (2, frames, 17, 3)
    results = model(inputs, samples, mode='predict')
    assert results[0].pred_instances.keypoints.shape == (frames, 17, 3)
    assert model.backbone.feature_shapes == {**SHAPES, 'crop_keypoints': (17, 2)}


def test_values_of_silent_layers(batch):
    """What is left are the embeddings: coordinates, and maps where the joints are."""
    model, (inputs, _) = lifter().backbone.eval(), batch()
    for name, parameter in model.named_parameters():
        if name.endswith(('proj.weight', 'proj.bias', 'fc2.weight', 'fc2.bias')):
            if not name.startswith('embedding'):
                torch.nn.init.zeros_(parameter)
        if '.projections.' in name:
            torch.nn.init.zeros_(parameter)
    found = model(**inputs).unflatten(-1, (3, 8))
    keypoints = inputs.pop('keypoints')
    assert_close(found[..., 0, :], model.embedding(keypoints))
    for level, name in enumerate(SHAPES):
        sampled = torch.nn.functional.grid_sample(
            inputs[name].flatten(0, 1),
            inputs['crop_keypoints'].flatten(0, 1)[:, :, None],
            align_corners=False,
            padding_mode='border',
        )
        tokens = model.context_embeddings[level](sampled[..., 0].transpose(1, 2))
        expected = tokens.unflatten(0, (2, 3)) + model.levels[:, level]
        assert_close(found[..., 1 + level, :], expected, atol=1e-6, rtol=1e-5)


def test_frames_are_independent(batch):
    model, (inputs, _) = lifter().eval(), batch()
    together = model._forward(inputs)
    alone = [
        model._forward({name: value[:, t : t + 1] for name, value in inputs.items()})
        for t in range(3)
    ]
    assert_close(together, torch.cat(alone, dim=1), atol=1e-6, rtol=1e-5)


def test_every_input_counts(batch):
    model, (inputs, _) = lifter().eval(), batch()
    before = model._forward(inputs)
    for name, value in inputs.items():
        changed = value.clone()
        changed[0, 0] += 0.1
        after = model._forward({**inputs, name: changed})
        differs = (after != before).flatten(2).any(-1)
        assert differs.tolist() == [[True, False, False], [False] * 3], name


def test_mirrored_inputs_show_mirrored_joints_the_same(batch):
    """At the joints, mirrored maps hold what the maps hold at the other side's."""
    model, (inputs, _) = lifter().backbone.eval(), batch()

    def at_joints(features):
        return torch.nn.functional.grid_sample(
            features['fine'].flatten(0, 1),
            features['crop_keypoints'].flatten(0, 1)[:, :, None],
            align_corners=False,
        )

    mirrored = flip_inputs(inputs, FLIP_INDICES)
    assert set(mirrored) == {'keypoints', *model.feature_shapes}
    assert_close(
        at_joints(mirrored),
        at_joints(inputs)[:, :, list(FLIP_INDICES)],
        atol=1e-5,
        rtol=0,
    )


@pytest.mark.parametrize('head', HEADS)
def test_gradients_reach_all(head, batch):
    model, (inputs, samples) = lifter(head).eval(), batch()
    inputs['fine'].requires_grad_()
    for layer in model.backbone.context_layers:  # at zero they hide the query
        for linear in (layer.weights, layer.offsets):
            torch.nn.init.normal_(linear.weight, std=0.1)
    model.loss(inputs, samples)['loss_pose'].backward()
    assert all(p.grad is not None and p.grad.any() for p in model.parameters())
    assert inputs['fine'].grad.any()


def test_drop_path_rises_linearly():
    model = MODELS.build(
        dict(config()['backbone'], depth=3, drop_path_rate=0.2, seq_len=1)
    )
    for layers in (model.context_layers, model.token_layers, model.joint_layers):
        rates = [getattr(layer.drop_path, 'drop_prob', 0.0) for layer in layers]
        assert rates == pytest.approx([0, 0.1, 0.2])


def test_parameter_count():
    """HRNet-W32's maps: as many as the public network has with its head."""
    shapes = {f'hrnet_{i}': (32 * 2**i, 64 // 2**i, 64 // 2**i) for i in range(4)}
    with torch.device('meta'):
        backbone = ContextAwarePoseFormer(shapes)
        head = MODELS.build(
            dict(type='PoseRegressionHead', in_channels=640, norm=True, losses={})
        )
    count = sum(p.numel() for part in (backbone, head) for p in part.parameters())
    assert count == 14_094_147
    inputs = {
        name: torch.empty(2, 1, *shape, device='meta')
        for name, shape in backbone.feature_shapes.items()
    }
    keypoints = torch.empty(2, 1, 17, 2, device='meta')
    assert backbone(keypoints, **inputs).shape == (2, 1, 17, 640)


def test_autocast(batch):
    model, (inputs, _) = lifter().eval(), batch()
    with torch.autocast('cpu', torch.bfloat16):
        low = model._forward(inputs)
    assert_close(low.float(), model._forward(inputs), atol=0.05, rtol=0.05)


@pytest.fixture
def store(make_pose_store, tmp_path):
    """A pose store with maps of every frame."""
    path = make_pose_store(tmp_path / 'store', lengths=(4, 3, 3))
    rng = np.random.default_rng(0)
    shapes = {**SHAPES, 'crop_keypoints': (17, 2)}
    with FieldsWriter(path, list(shapes)) as writer:
        frames = len(writer.store)
        writer.append(
            {
                name: rng.uniform(-0.9, 0.9, (frames, *shape)).astype(np.float16)
                for name, shape in shapes.items()
            }
        )
    assert len(FrameStore(path)) == frames
    return path


def test_in_runner(store, tmp_path):
    codec = dict(type='LiftingLabel', target='camera')

    def loader(split, **options):
        return dict(
            batch_size=4,
            num_workers=0,
            sampler=dict(type='DefaultSampler', shuffle=split == 'train'),
            dataset=dict(
                type='LiftingDataset',
                store=str(store),
                seq_len=1,
                split=split,
                features=[*SHAPES, 'crop_keypoints'],
                pipeline=[
                    dict(type='GenerateTarget', encoder=codec),
                    dict(type='PackLiftingInputs'),
                ],
                **options,
            ),
        )

    flips = dict(train_cfg=dict(flip_prob=0.5), test_cfg=dict(flip_test=True))
    runner = Runner.from_cfg(
        Config(
            ConfigDict(
                model=config('TwoBranchRegressionHead', **flips),
                work_dir=str(tmp_path),
                experiment_name=tmp_path.name,
                train_dataloader=loader('train'),
                test_dataloader=loader('test', test_mode=True),
                test_evaluator=dict(type='PoseLiftingMetric'),
                optim_wrapper=dict(optimizer=dict(type='AdamW', lr=1e-3)),
                train_cfg=dict(by_epoch=False, max_iters=2),
                test_cfg=dict(),
                default_scope='mmpose',
                randomness=dict(seed=0),
                log_level='WARNING',
            )
        )
    )
    start = {k: v.clone() for k, v in runner.model.state_dict().items()}
    runner.train()
    moved = [k for k, p in runner.model.named_parameters() if (p != start[k]).any()]
    assert len(moved) == len(list(runner.model.parameters()))
    assert 0 < runner.test()['MPJPE'] < 2000


class TestInvalid:
    def test_no_map(self):
        with pytest.raises(ValueError, match='at least one feature map'):
            ContextAwarePoseFormer({})

    def test_heads(self):
        with pytest.raises(ValueError, match='num_heads=8 does not divide'):
            ContextAwarePoseFormer(SHAPES, embed_dims=12)
        with pytest.raises(ValueError, match='context_heads=3 does not divide'):
            ContextAwarePoseFormer(SHAPES, embed_dims=16, context_heads=3)

    def test_missing(self, batch):
        inputs, _ = batch()
        del inputs['fine']
        message = r'feature fine of shape \(2, 3, 3, 8, 8\), got nothing.*_to_store.py'
        with pytest.raises(ValueError, match=message):
            lifter().backbone(**inputs)

    def test_shape(self, batch):
        inputs, _ = batch()
        inputs['coarse'] = inputs['coarse'][..., :2]
        with pytest.raises(ValueError, match=r'feature coarse .*got \(2, 3, 5, 4, 2\)'):
            lifter().backbone(**inputs)

    def test_keypoints(self, batch):
        inputs, _ = batch()
        inputs['keypoints'] = inputs['keypoints'][..., :2]
        with pytest.raises(ValueError, match='expected keypoints of shape'):
            lifter().backbone(**inputs)

    def test_unknown(self, batch):
        inputs, _ = batch()
        with pytest.raises(ValueError, match='takes the features'):
            lifter().extract_feat({**inputs, 'sdxl_vae': inputs['fine']})
