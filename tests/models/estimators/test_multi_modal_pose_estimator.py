"""The estimator of several sensors: subsets, absent modalities, losses."""

from __future__ import annotations

import pytest
import torch
from mmengine.config import ConfigDict
from mmpose.registry import MODELS

from mmpose_ext.datasets.mmfi_layout import MODALITIES as LAYOUT
from mmpose_ext.models.estimators.multi_modal_pose_estimator import ORDER
from mmpose_ext.models.heads import AbsolutePoseHead
from tests.fixtures.tiny_multi_modal import (
    FUSIONS,
    MODALITIES,
    tiny_batch,
    tiny_multi_modal,
    tiny_multi_modal_config,
)

ALL_SUBSETS = torch.tensor([[(s >> m) & 1 for m in range(4)] for s in range(16)]).bool()


@pytest.fixture(params=FUSIONS)
def fusion(request):
    return FUSIONS[request.param]


def test_shapes(fusion):
    model = tiny_multi_modal(fusion=fusion).eval()
    inputs, samples = tiny_batch()
    features = model.encode(inputs)
    assert {name: x.shape[-1] for name, x in features.items()} == {
        'rgb': 5,
        'lidar': 4,
        'mmwave': 3,
        'wifi': 6,
    }
    assert model(inputs).shape == (6, 17, 3)
    assert model.predict_subsets(features, ALL_SUBSETS).shape == (16, 6, 17, 3)
    assert model.sample_losses(inputs, samples).shape == (6,)


def test_head_has_the_papers_size():
    head = AbsolutePoseHead(3072)
    assert sum(p.numel() for p in head.parameters()) == 156_723


@pytest.mark.parametrize('absent', ['zero', 'mean'])
def test_subsets_are_predictions_without_the_others(fusion, absent):
    model = tiny_multi_modal(fusion=fusion, absent=absent)
    inputs, samples = tiny_batch()
    model.loss(inputs, samples)
    model.eval()
    inputs['valid'][2, 1] = inputs['valid'][3] = False
    features, present = model.encode(inputs), model.present(inputs)
    together = model.predict_subsets(features, ALL_SUBSETS, present)
    for pred, mask in zip(together, ALL_SUBSETS, strict=True):
        alone = model.predict_features(features, present & mask)
        torch.testing.assert_close(pred, alone)


def test_mean_features_of_the_batch_for_one_question(fusion):
    model = tiny_multi_modal(fusion=fusion).eval()
    features = model.encode(tiny_batch()[0])
    pred = model.predict_subsets(features, ALL_SUBSETS, absent='mean')
    mean = {name: x.mean(0).expand_as(x) for name, x in features.items()}
    everywhere = torch.ones(6, 4, dtype=torch.bool)
    torch.testing.assert_close(pred[0], model.predict_features(mean, everywhere))
    mixed = mean | {'lidar': features['lidar']}
    torch.testing.assert_close(pred[2], model.predict_features(mixed, everywhere))
    present = everywhere.clone()
    present[:4, 0] = present[:, 3] = False
    pred = model.predict_subsets(features, ALL_SUBSETS, present, absent='mean')
    mean['rgb'] = features['rgb'][4:].mean(0).expand(6, -1)
    mean['wifi'] = torch.zeros_like(mean['wifi'])
    torch.testing.assert_close(pred[0], model.predict_features(mean, everywhere))


def test_running_means_follow_what_is_there():
    model = tiny_multi_modal(absent='mean')
    inputs, samples = tiny_batch()
    inputs['valid'][:3, 0] = inputs['valid'][:, 3] = False
    features = model.encode(inputs)
    model.loss(inputs, samples)
    torch.testing.assert_close(model.mean_rgb, 0.1 * features['rgb'][3:].mean(0))
    torch.testing.assert_close(model.mean_wifi, torch.zeros(6))
    model.eval().loss(inputs, samples)
    torch.testing.assert_close(model.mean_rgb, 0.1 * features['rgb'][3:].mean(0))


def test_invalid_samples_count_as_absent(fusion):
    model = tiny_multi_modal(fusion=fusion).eval()
    inputs, _ = tiny_batch()
    inputs['valid'][:, 2] = False
    before = model(inputs)
    inputs['mmwave'] = inputs['mmwave'] + 10
    torch.testing.assert_close(model(inputs), before)


def test_losses_are_the_mean_joint_error_in_metres():
    model = tiny_multi_modal().eval()
    inputs, samples = tiny_batch()
    error = (model(inputs) - samples['pose']).norm(dim=-1)
    torch.testing.assert_close(model.loss(inputs, samples)['loss_pose'], error.mean())
    torch.testing.assert_close(model.sample_losses(inputs, samples), error.mean(-1))


def test_auxiliary_heads_and_loss_weights():
    model = tiny_multi_modal(auxiliary_heads=True)
    inputs, samples = tiny_batch()
    plain = model.loss(inputs, samples)
    assert set(plain) == {'loss_pose', *(f'loss_pose_{m}' for m in MODALITIES)}
    alone = model.auxiliary_heads['wifi'](model.last_features['wifi'])
    error = (alone - samples['pose']).norm(dim=-1).mean()
    torch.testing.assert_close(plain['loss_pose_wifi'], error)
    model.loss_weights |= {'fused': 0.25, 'wifi': 0.5}
    weighted = model.loss(inputs, samples)
    torch.testing.assert_close(weighted['loss_pose'], 0.25 * plain['loss_pose'])
    torch.testing.assert_close(weighted['loss_pose_wifi'], 0.5 * error)
    torch.testing.assert_close(model.last_losses['fused'], plain['loss_pose'])


def test_what_hooks_find_after_a_step():
    model = tiny_multi_modal()
    inputs, samples = tiny_batch()
    model.loss(inputs, samples)['loss_pose'].backward()
    assert not any(x.requires_grad for x in model.last_features.values())
    torch.testing.assert_close(model.last_pose, samples['pose'])
    assert model.last_present.shape == (6, 4)
    assert model.last_losses['fused'].requires_grad


def test_stopped_encoders_stay_as_they_are():
    model = tiny_multi_modal()
    model.stop_gradients(['lidar', 'rgb'])
    model.train()
    assert not model.encoders['lidar'].training
    assert model.encoders['wifi'].training
    model.loss(*tiny_batch())['loss_pose'].backward()
    grads = {n: p.grad is not None for n, p in model.encoders.named_parameters()}
    assert grads == {n: n.startswith(('mmwave', 'wifi')) for n in grads}
    model.stop_gradients([])
    assert model.train().encoders['lidar'].training
    with pytest.raises(ValueError, match='names the modalities'):
        model.stop_gradients(['radar'])


def test_constraints_add_to_the_loss():
    loss = dict(type='WeightConstraintLoss')
    model = tiny_multi_modal(constraint=loss, consolidation=loss)
    inputs, samples = tiny_batch()
    losses = model.loss(inputs, samples)
    assert losses['loss_constraint'] == losses['loss_consolidation'] == 0
    with torch.no_grad():
        for module, strength in ((model.encoders, 4.0), (model, 1.0)):
            reference = {n: p - 0.1 for n, p in module.named_parameters()}
            ones = {n: torch.ones_like(p) for n, p in reference.items()}
            kept = model.constraint if strength == 4 else model.consolidation
            groups = dict.fromkeys(model.modalities, strength)
            kept.set(reference, ones, groups if strength == 4 else strength)
    losses = model.loss(inputs, samples)
    count = sum(p.numel() for p in model.encoders.parameters())
    assert losses['loss_constraint'].item() == pytest.approx(0.02 * count, rel=1e-3)
    count = sum(p.numel() for p in model.parameters())
    assert losses['loss_consolidation'].item() == pytest.approx(0.005 * count, rel=1e-3)


def test_predictions_for_metrics():
    subsets = [['rgb', 'wifi'], ['lidar']]
    model = tiny_multi_modal(test_cfg=dict(subsets=subsets)).eval()
    inputs, samples = tiny_batch()
    with torch.no_grad():
        results = model(inputs, samples, mode='predict')
        pose = model(inputs)
        features = model.encode(inputs)
    first = results[1]
    assert first.pred_instances.keypoints.shape == (1, 17, 3)
    torch.testing.assert_close(
        torch.from_numpy(first.pred_instances.keypoints[0]), pose[1]
    )
    torch.testing.assert_close(
        torch.from_numpy(first.gt_instances.lifting_target[0]), samples['pose'][1]
    )
    assert first.subsets == [('rgb', 'wifi'), ('lidar',)]
    masks = torch.tensor([[True, False, False, True], [False, True, False, False]])
    expected = model.predict_subsets(features, masks)[:, 1]
    torch.testing.assert_close(
        torch.from_numpy(first.pred_instances.subset_keypoints[0]), expected.detach()
    )


def test_modalities_left_out_of_the_test():
    model = tiny_multi_modal(test_cfg=dict(modalities=['rgb', 'lidar'])).eval()
    inputs, samples = tiny_batch()
    with torch.no_grad():
        pred = model(inputs, samples, mode='predict')[0].pred_instances.keypoints
        keep = torch.tensor([[True, True, False, False]]).expand(6, 4)
        expected = model.predict_features(model.encode(inputs), keep)[0]
    torch.testing.assert_close(torch.from_numpy(pred[0]), expected)
    every = tiny_multi_modal(test_cfg=dict(subsets='all'))
    assert len(every.subsets) == 15
    some = tiny_multi_modal(test_cfg=dict(subsets='all', modalities=['wifi', 'rgb']))
    assert some.subsets == [('rgb',), ('wifi',), ('rgb', 'wifi')]


def test_order_of_the_config_does_not_matter():
    assert ORDER == MODALITIES == LAYOUT
    config = tiny_multi_modal_config()
    encoders = config['encoders'] | {'audio': config['encoders']['wifi']}
    config['encoders'] = dict(sorted(encoders.items()))
    assert MODELS.build(ConfigDict(config)).modalities == (*MODALITIES, 'audio')


def test_one_modality_alone():
    model = tiny_multi_modal(('lidar',))
    inputs, samples = tiny_batch()
    assert model.loss(inputs, samples)['loss_pose'].isfinite()


def test_columns_of_a_batch_with_other_modalities():
    """A sensor that the model has not makes no difference, one that it has does."""
    model = tiny_multi_modal(('lidar',)).eval()
    inputs, samples = tiny_batch()
    before, loss = model(inputs), model.loss(inputs, samples)['loss_pose']
    inputs['valid'][:, 0] = False  # rgb
    torch.testing.assert_close(model(inputs), before)
    torch.testing.assert_close(model.loss(inputs, samples)['loss_pose'], loss)
    inputs['valid'][:, 1] = False
    assert not model.present(inputs).any()
    assert (model(inputs) - before).abs().max() > 1e-3
    inputs['valid'] = inputs['valid'][:, :3]
    with pytest.raises(ValueError, match=r"3 columns.*\['rgb', 'lidar', 'mmwave', "):
        model(inputs)


@pytest.mark.parametrize('modalities', ['lidar', ['lidar']])
def test_fewer_sensors_than_the_model_has(fusion, modalities):
    """Only sensors that are asked for need be there, by one name or several."""
    options = dict(modalities=modalities, subsets=[['lidar', 'wifi']])
    model = tiny_multi_modal(fusion=fusion, test_cfg=options).eval()
    assert model.used == ('lidar',)
    inputs, samples = tiny_batch()
    names = ['lidar', 'lidar_mask', 'wifi']
    fewer = {name: inputs[name] for name in names} | {'valid': inputs['valid'][:, :2]}
    with torch.no_grad():
        expected = model(inputs, samples, mode='predict')
        found = model(fewer, samples, mode='predict')
    for name in ('keypoints', 'subset_keypoints'):
        for one, other in zip(found, expected, strict=True):
            torch.testing.assert_close(
                one.pred_instances[name], other.pred_instances[name]
            )
    with pytest.raises(ValueError, match=r"lacks \['rgb', 'mmwave'\]: give the"):
        model.loss(fewer, samples)


def test_invalid():
    inputs, _ = tiny_batch()
    del inputs['wifi']
    with pytest.raises(ValueError, match=r"lacks \['wifi'\]"):
        tiny_multi_modal()(inputs)
    with pytest.raises(ValueError, match="names the modalities \\['radar'\\]"):
        tiny_multi_modal(test_cfg=dict(subsets=[['radar']]))
    for empty in (dict(modalities=[]), dict(subsets=[['rgb'], []])):
        with pytest.raises(ValueError, match='a subset without modalities'):
            tiny_multi_modal(test_cfg=empty)
    with pytest.raises(ValueError, match="'zero' or 'mean'"):
        tiny_multi_modal(absent='noise')
    with pytest.raises(ValueError, match='at least one modality'):
        tiny_multi_modal(())
    with pytest.raises(ValueError, match="'all' or a list"):
        tiny_multi_modal(test_cfg=dict(subsets='every'))
    with pytest.raises(ValueError, match='mode must be'):
        tiny_multi_modal()(tiny_batch()[0], mode='train')
    assert tiny_multi_modal_config(('rgb',))['encoders'].keys() == {'rgb'}
