import pytest
import torch
from torch.testing import assert_close

from mmpose_ext.models.heads import PrMLHead
from mmpose_ext.models.necks import TaskFeatures

LOSSES = dict(pose=dict(type='DecoupledPoseLoss'))
MI = dict(type='BarberAgakovLoss', loss_weight=0.01)


def head(seed=0, **options):
    torch.manual_seed(seed)
    decoder = dict(type='LiftingLabel', target='camera')
    settings = {'losses': LOSSES, 'hidden_dims': 6, 'loss_mi': MI, 'decoder': decoder}
    return PrMLHead(8, **{**settings, **options})


def features(**options):
    wide = [torch.randn(2, 3, 17, 16, **options) for _ in range(2)]
    return TaskFeatures(*(torch.randn(2, 3, 17, 8, **options) for _ in range(2)), *wide)


def labels():
    label = torch.randn(2, 3, 17, 3)
    return label - label[:, :, :1], torch.ones(2, 3, 17)


def test_shapes():
    pred, from_support = head().forward_train(features())
    assert pred.shape == from_support.shape == (2, 3, 17, 3)
    pred, from_support = head(loss_mi=None).forward_train(features())
    assert pred.shape == (2, 3, 17, 3) and from_support is None


def test_tasks_are_regressed_apart():
    module, feats = head(), features()
    before = module(feats)
    after = module(feats._replace(pose_2d=torch.randn(2, 3, 17, 8)))
    assert torch.equal(before[..., 2], after[..., 2])
    assert (before[..., :2] != after[..., :2]).all()
    after = module(feats._replace(depth=torch.randn(2, 3, 17, 8)))
    assert torch.equal(before[..., :2], after[..., :2])
    assert (before[..., 2] != after[..., 2]).all()
    # So are the heads on the support features.
    before = module.forward_train(feats)[1]
    after = module.forward_train(feats._replace(support_d=feats.support_2d))[1]
    assert torch.equal(before[..., :2], after[..., :2])
    assert (before[..., 2] != after[..., 2]).all()


def test_support_of_other_channels():
    module, feats = head(support_channels=(16, 8)), features()
    feats = feats._replace(support_d=feats.support_d[..., :8])
    assert module.loss_by_labels(feats, *labels())['loss_mi'].isfinite()


def test_info_nce_reads_the_support():
    loss_mi = dict(type='InfoNCEBoundLoss', support_channels=16, loss_weight=0.5)
    module, feats = head(loss_mi=loss_mi), features(requires_grad=True)
    losses = module.loss_by_labels(feats, *labels())
    assert {'loss_pose', 'loss_mi', 'mi_2d', 'mi_d'} == set(losses)
    assert_close(losses['loss_mi'], -0.5 * (losses['mi_2d'] + losses['mi_d']))
    losses['loss_mi'].backward()
    assert feats.support_2d.grad.any() and feats.support_d.grad.any()
    assert feats.pose_2d.grad is None
    assert not [name for name, _ in module.named_modules() if 'mi_head' in name]


def test_values():
    module, feats = head(), features()
    first, _, last = module.head_2d
    expected = last(torch.tanh(first(feats.pose_2d)))
    assert_close(module(feats)[..., :2], expected)


def test_bounds_are_logged_not_summed(make_lifter, make_batch):
    model = make_lifter('prml')
    losses = model.loss(*make_batch())
    assert set(losses) == {'loss_pose', 'loss_velocity', 'loss_mi', 'mi_2d', 'mi_d'}
    total, logged = model.parse_losses(losses)
    parts = losses['loss_pose'] + losses['loss_velocity'] + losses['loss_mi']
    assert_close(total, parts)
    assert {'mi_2d', 'mi_d'} <= set(logged)
    assert not losses['mi_2d'].requires_grad and not losses['mi_d'].requires_grad


def test_mi_heads_are_unused_at_inference(make_lifter, make_batch):
    model, (inputs, samples) = make_lifter('prml').eval(), make_batch()
    before = model.predict(inputs, samples)[0].pred_instances.keypoints
    statistics = model.head.loss_mi.running_mean.clone()
    for module in (model.head.mi_head_2d, model.head.mi_head_d):
        module.register_forward_hook(lambda *_: pytest.fail('ran at inference'))
    after = model.predict(inputs, samples)[0].pred_instances.keypoints
    assert (before == after).all()
    model(inputs, None, mode='tensor')
    assert torch.equal(statistics, model.head.loss_mi.running_mean)


def test_gradient_of_mi_reaches_everything(make_lifter, make_batch):
    model = make_lifter('prml')
    model.loss(*make_batch())['loss_mi'].backward()
    touched = {n for n, p in model.named_parameters() if p.grad is not None}
    silent = [n for n in touched if not model.get_parameter(n).grad.any()]
    assert not silent
    for part in ('head.mi_head_2d', 'head.mi_head_d', 'head.loss_mi.log_scale'):
        assert any(name.startswith(part) for name in touched)
    for name, _ in model.backbone.named_parameters():
        assert f'backbone.{name}' in touched
    assert {'neck.bias_2d', 'neck.bias_d', 'neck.alignment.fc.weight'} <= touched
    untouched = ('head.head_2d', 'head.head_d', 'neck.cross_2d', 'neck.cross_d')
    assert not [name for name in touched if name.startswith(untouched)]


def test_weight_zero_leaves_the_trunk_alone(make_config, make_batch):
    from mmpose.registry import MODELS

    gradients = []
    state = None
    for loss_mi in (None, {**MI, 'loss_weight': 0.0}, MI):
        config = make_config('prml')
        config['head']['loss_mi'] = loss_mi
        torch.manual_seed(0)
        model = MODELS.build(config)
        state = state or model.state_dict()
        model.load_state_dict(state, strict=False)
        model.parse_losses(model.loss(*make_batch()))[0].backward()
        gradients.append({n: model.get_parameter(n).grad for n in state})
    without, zero, some = gradients
    assert all(torch.equal(without[name], zero[name]) for name in without)
    changed = [name for name in without if not torch.equal(without[name], some[name])]
    assert {'neck.bias_2d', 'backbone.embedding.proj.weight'} <= set(changed)


def test_losses_under_bfloat16(make_lifter, make_batch):
    model = make_lifter('prml')
    with torch.autocast('cpu', dtype=torch.bfloat16):
        losses = model.loss(*make_batch())
    assert {value.dtype for value in losses.values()} == {torch.float32}
    exact = make_lifter('prml').loss(*make_batch())
    for name in ('loss_pose', 'loss_mi'):
        assert_close(losses[name], exact[name], rtol=0.02, atol=0.02)


def test_invalid():
    with pytest.raises(KeyError, match='NoSuchLoss'):
        head(loss_mi=dict(type='NoSuchLoss'))
    wide, without = features(), features()[:2]
    for feats, found in ((wide, r'\(16, 16\)'), (without, 'none')):
        module = head(support_channels=(16, 8))
        with pytest.raises(ValueError, match=f'the features bring {found}: set'):
            module.loss_by_labels(feats, *labels())
    module = head(decoder=None)
    with pytest.raises(RuntimeError, match='decoder'):
        module.decode_batch(module(features()), [])


def test_masked_tokens_do_not_count():
    module, feats = head().eval(), features()
    label, weight = labels()
    weight[1, 2, 5] = 0
    before = module.loss_by_labels(feats, label, weight)
    label[1, 2, 5] += 100
    after = module.loss_by_labels(feats, label, weight)
    assert_close(before, after)
