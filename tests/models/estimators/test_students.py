"""DualStudent, ConsistencyStudent, SSPCM."""

import pytest
import torch
from mmengine.structures import InstanceData
from mmpose.registry import MODELS
from mmpose.structures import PoseDataSample
from no_waiting import NoWaiting
from tiny_students import SIZE, batch, network, students, views
from torch.testing import assert_close

from mmpose_ext.models.estimators.sspcm import nearest_pair

STILL = views(0, 0, flip_prob=0.0)


def build(kind='DualStudent', seed=0, **options):
    torch.manual_seed(seed)
    return MODELS.build(students(kind, **options))


def total(losses):
    return sum(value for name, value in losses.items() if 'loss' in name)


def grads(module):
    return [p.grad for p in module.parameters() if p.grad is not None]


def normalised(model, images):
    return model.data_preprocessor.normalize(images.float())


@pytest.mark.parametrize('kind', ['DualStudent', 'ConsistencyStudent', 'SSPCM'])
@pytest.mark.parametrize('bn', ['per_view', 'joint'])
def test_shapes(kind, bn):
    options = dict(snapshot_interval=10) if kind == 'SSPCM' else {}
    model = build(kind, bn=bn, **options)
    losses = model.loss(*batch())
    assert total(losses).ndim == 0 and total(losses).isfinite()
    number = len(model.students)
    names = [''] if number == 1 else [f'student{k}.' for k in range(number)]
    assert {name for name in losses if 'loss' in name} == {
        f'{name}loss_{kind}' for name in names for kind in ('labelled', 'unlabelled')
    }
    for name in ('labelled', 'teacher', 'student'):
        assert losses[f'response_{name}'].ndim == 0


def test_values():
    """Without any view, each student's target is what the other one predicts."""
    model = build(views=STILL).eval()
    inputs, data = batch(source=SIZE)
    data['source_to_input'] = torch.eye(3)[None, :2].repeat(2, 1, 1)
    losses = model.loss(inputs, data)
    first, second = (
        net(normalised(model, inputs['unlabelled']), None) for net in model.students
    )
    expected = (first - second).square().mean()
    for number in range(2):
        assert_close(losses[f'student{number}.loss_unlabelled'], expected)
    seen = model.students[0](normalised(model, inputs['labelled']), None)
    target, weight = model.plane.encode(data['keypoints'], data['keypoint_weights'])
    loss = model.students[0].head.loss_module(seen, target, weight)
    assert_close(losses['student0.loss_labelled'], loss)
    height = (first.amax((2, 3)).mean() + second.amax((2, 3)).mean()) / 2
    assert_close(losses['response_teacher'], height)
    assert_close(losses['response_student'], height)


@pytest.mark.parametrize('mode', ['loss', 'predict'])
def test_channels_last(mode):
    model = build()
    seen = []
    model.students[1].backbone.register_forward_pre_hook(
        lambda _, inputs: seen.append(inputs[0])
    )
    if mode == 'loss':
        model.loss(*batch())
    else:
        model.eval()(torch.rand(2, 3, 96, 64), samples(), mode='predict')
    assert seen
    for images in seen:
        assert images.is_contiguous(memory_format=torch.channels_last)


def test_weights_and_paths():
    """Weights scale their losses, and the losses of paths are added."""
    weighted = build(
        views=STILL,
        labelled_weight=0.5,
        loss_unlabelled=dict(type='HeatmapConsistencyLoss', loss_weight=3.0),
        occlusions=[[], []],
    ).eval()
    plain = build(views=STILL).eval()
    one, other = weighted.loss(*batch()), plain.loss(*batch())
    assert_close(one['student1.loss_labelled'], 0.5 * other['student1.loss_labelled'])
    assert_close(one['student1.loss_unlabelled'], 6 * other['student1.loss_unlabelled'])


def test_no_gradient_through_teachers():
    model = build()
    losses = model.loss(*batch())
    losses['student0.loss_unlabelled'].backward()
    assert grads(model.students[0]) and not grads(model.students[1])


def test_gradient_through_teachers_without_detach():
    model = build(detach=False)
    losses = model.loss(*batch())
    losses['student0.loss_unlabelled'].backward()
    assert grads(model.students[0]) and grads(model.students[1])


def test_self_teaching_without_detach_differs():
    """The naive consistency has another gradient, at the same loss."""
    found = []
    for detach in (True, False):
        model = build('ConsistencyStudent', detach=detach)
        losses = model.loss(*batch())
        losses['loss_unlabelled'].backward()
        weight = model.students[0].head.final_layer.weight
        found.append((losses['loss_unlabelled'].detach(), weight.grad))
    assert_close(found[0][0], found[1][0])
    assert not torch.allclose(found[0][1], found[1][1])


@pytest.mark.parametrize(('bn', 'updates'), [('per_view', 3), ('joint', 2)])
def test_running_statistics(bn, updates):
    """Labelled, easy, hard: three updates a step, as in the released code."""
    model = build(bn=bn)
    model.loss(*batch())
    for student in model.students:
        assert student.backbone.bn1.num_batches_tracked == updates


def test_same_step_same_draws():
    """What a step draws does not depend on what was drawn before."""
    model = build(occlusions=[[dict(type='BatchJointCutout', num_joints=3)]]).eval()
    first = model.loss(*batch())
    torch.rand(5)
    again = model.loss(*batch())
    for name in first:
        assert_close(first[name], again[name])


def test_joint_cutout_reaches_the_student():
    plain = build(views=STILL).eval()
    cut = build(
        views=STILL, occlusions=[[dict(type='BatchJointCutout', num_joints=5)]]
    ).eval()
    one, other = plain.loss(*batch()), cut.loss(*batch())
    assert_close(one['student0.loss_labelled'], other['student0.loss_labelled'])
    assert one['student0.loss_unlabelled'] != other['student0.loss_unlabelled']


def test_different_sizes():
    """The smaller of two students learns too."""
    model = build(students=[network(4), network(8)])
    total(model.loss(*batch())).backward()
    assert grads(model.students[0]) and grads(model.students[1])


def test_mean_teacher():
    """Weights and statistics follow the student, one step behind."""
    teacher = dict(type='ExponentialMovingAverage', momentum=0.1)
    model = build('ConsistencyStudent', teacher=teacher).train()
    assert not model.teacher.module.training
    model.loss(*batch())
    student, average = model.students[0], model.teacher.module
    weight, mean = student.backbone.conv1.weight, student.backbone.bn1.running_mean
    before, before_mean = weight.detach().clone(), average.backbone.bn1.running_mean
    before_mean = before_mean.clone()
    with torch.no_grad():
        weight += 1
    now_mean = mean.clone()
    model.loss(*batch())
    assert_close(average.backbone.conv1.weight, before + 0.1)
    assert_close(
        average.backbone.bn1.running_mean, before_mean + 0.1 * (now_mean - before_mean)
    )
    assert not any(p.requires_grad for p in model.teacher.parameters())


def test_mean_teacher_after_a_move():
    """A model that changed its place or type since it was built follows as well."""
    teacher = dict(type='ExponentialMovingAverage', momentum=0.5)
    model = build('ConsistencyStudent', teacher=teacher).double().float()
    model.loss(*batch())
    student, average = model.students[0], model.teacher.module
    assert_close(average.backbone.conv1.weight, student.backbone.conv1.weight)


def test_frozen_teacher(tmp_path):
    torch.manual_seed(1)
    trained = MODELS.build(network())
    torch.save(dict(state_dict=trained.state_dict()), tmp_path / 'teacher.pth')
    teacher = dict(type='FrozenTeacher', checkpoint=str(tmp_path / 'teacher.pth'))
    model = build('ConsistencyStudent', teacher=teacher, views=STILL)
    model.init_weights()
    model.train()
    assert not model.teacher.network.training
    inputs, data = batch()
    images = torch.rand(2, 3, 96, 64)
    assert_close(model.teacher(images), trained.eval()(images, None))
    total(model.loss(inputs, data)).backward()
    assert not grads(model.teacher)
    assert list(model.networks()) == ['student']


def test_distilled_teacher():
    """A view and its mirror image are averaged where UDP has them coincide."""
    options = dict(type='FrozenTeacher', mirror=True)
    model = build(
        'ConsistencyStudent',
        student=network(codec='UDPHeatmap'),
        teacher={**options, 'scales': (1.0,)},
    )
    images = torch.rand(2, 3, 96, 64)
    network_ = model.teacher.network
    flipped = network_(images.flip(-1), None).flip(-1)[
        :, model.metainfo['flip_indices']
    ]
    expected = (network_(images, None) + flipped) / 2
    assert_close(model.teacher(images), expected, atol=1e-4, rtol=1e-4)
    more = build(
        'ConsistencyStudent', teacher={**options, 'scales': (0.7, 0.9, 1.1, 1.3)}
    )
    assert more.teacher(images).shape == expected.shape


def test_nearest_pair():
    """Of four pairs the one whose maxima are nearest, for each joint."""
    maps = torch.zeros(4, 1, 2, 1, 9)
    # Joint 0: now 0 and 8, before 5 and 6. Joint 1: now 3 and 3, before 3 and 7.
    for number, places in enumerate([(0, 3), (5, 3), (8, 3), (6, 7)]):
        for joint, place in enumerate(places):
            maps[number, 0, joint, 0, place] = number + 1
    found = nearest_pair((maps[0], maps[1]), (maps[2], maps[3]))
    assert_close(found[0, 0], (maps[1] + maps[3])[0, 0] / 2)
    assert_close(found[0, 1], (maps[0] + maps[2])[0, 1] / 2)


def test_sspcm_ignores_unsure_joints():
    model = build('SSPCM', snapshot_interval=5, min_score=1e9, views=STILL).eval()
    losses = model.loss(*batch())
    for number in range(3):
        assert losses[f'student{number}.loss_unlabelled'] == 0
        assert losses[f'student{number}.loss_labelled'] > 0


@pytest.mark.parametrize('hard_from', ['image', 'easy_crop'])
@pytest.mark.parametrize('bn', ['per_view', 'joint'])
def test_no_waiting(hard_from, bn):
    operators = [dict(type='BatchRandAugment'), dict(type='BatchJointCutout')]
    model = build(
        bn=bn,
        occlusions=[operators],
        views=views(hard_from=hard_from),
        pseudo_labels=dict(score_threshold=0.2),
    )
    inputs, data = batch(source=SIZE)
    with NoWaiting():
        total(model.loss(inputs, data)).backward()


def samples(number=2):
    made = []
    for _ in range(number):
        sample = PoseDataSample(
            metainfo=dict(
                input_center=torch.tensor([20.0, 30.0]).numpy(),
                input_scale=torch.tensor([64.0, 96.0]).numpy(),
                input_size=SIZE,
                flip_indices=[0, *range(1, 17)],
            )
        )
        sample.gt_instances = InstanceData(
            bboxes=torch.zeros(1, 4).numpy(), bbox_scores=torch.ones(1).numpy()
        )
        made.append(sample)
    return made


@pytest.mark.parametrize('flip_test', [False, True])
def test_predict(flip_test):
    model = build(test_cfg=dict(flip_test=flip_test)).eval()
    images = torch.rand(2, 3, 96, 64)
    found = model(images, samples(), mode='predict')
    names = ('pred_student0', 'pred_student1', 'pred_ensemble')
    for sample in found:
        for name in names:
            assert sample.get(name).keypoints.shape == (1, 17, 2)
        assert sample.pred_instances is sample.pred_ensemble
    alone = model.students[1]
    alone.test_cfg = dict(flip_test=flip_test)
    expected = alone(images, samples(), mode='predict')
    for one, other in zip(found, expected, strict=True):
        assert_close(one.pred_student1.keypoints, other.pred_instances.keypoints)
    chosen = build(test_cfg=dict(output='student1')).eval()
    assert chosen(images, samples(), mode='predict')[0].pred_instances is not None


def test_invalid():
    with pytest.raises(ValueError, match='2 students'):
        build(students=[network()])
    with pytest.raises(ValueError, match='same codec'):
        build(students=[network(), network(heatmap=(32, 48))])
    blind = network()
    blind['head'].pop('decoder')
    with pytest.raises(ValueError, match='decoder'):
        build(students=[network(), blind])
    wrong = network()
    wrong['head']['out_channels'] = 16
    with pytest.raises(ValueError, match='17'):
        build(students=[wrong, wrong])
    with pytest.raises(ValueError, match='bn'):
        build(bn='ghost')
    with pytest.raises(ValueError, match='path'):
        build(occlusions=[])
    with pytest.raises(ValueError, match='checkpoint'):
        build('ConsistencyStudent', teacher=dict(type='FrozenTeacher')).init_weights()
    with pytest.raises(FileNotFoundError, match='nowhere'):
        build(
            'ConsistencyStudent',
            teacher=dict(type='FrozenTeacher', checkpoint='nowhere.pth'),
        ).init_weights()
    model = build(test_cfg=dict(output='student7')).eval()
    with pytest.raises(ValueError, match='student7'):
        model.predict(torch.rand(1, 3, 96, 64), samples(1))
