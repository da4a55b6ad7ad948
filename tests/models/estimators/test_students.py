"""DualStudent, ConsistencyStudent, SSPCM."""

import pytest
import torch
from mmengine.logging import MessageHub
from mmengine.runner.checkpoint import load_state_dict
from mmengine.structures import InstanceData
from mmpose.registry import MODELS
from mmpose.structures import PoseDataSample
from no_waiting import NoWaiting
from tiny_students import SIZE, batch, easy_crops, network, students, views
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


@pytest.mark.parametrize('hard_from', ['image', 'easy_crop'])
def test_values(hard_from):
    """Without any view, each student's target is what the other one predicts."""
    model = build(views={**STILL, 'hard_from': hard_from}).eval()
    inputs, data = easy_crops()
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


def test_resumed_without_the_file_of_the_teacher():
    """A checkpoint of the run holds the teacher; one of another network does not."""
    absent = dict(type='FrozenTeacher', checkpoint='nowhere.pth')
    trained = build('ConsistencyStudent', teacher=dict(type='FrozenTeacher'), seed=1)
    model = build('ConsistencyStudent', teacher=absent)
    model.init_weights()
    load_state_dict(model, model.students.state_dict())
    with pytest.raises(FileNotFoundError, match=r'no checkpoint nowhere.pth.*train it'):
        model.loss(*batch())
    load_state_dict(model, trained.state_dict())
    assert total(model.loss(*batch())).isfinite()
    images = torch.rand(2, 3, 96, 64)
    assert_close(model.teacher(images), trained.teacher(images))


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


@pytest.fixture
def run(monkeypatch):
    """What a run tells of itself."""
    info = {}
    hub = MessageHub.get_current_instance()
    monkeypatch.setattr(hub, '_runtime_info', info)
    return info


def test_sspcm_keeps_epochs(run):
    """Former states are those at the beginning of each epoch of two steps."""
    model = build('SSPCM', snapshot_interval='epoch')
    weight = model.students[0].backbone.conv1.weight
    former = model.former.network[0].backbone.conv1.weight
    run |= dict(max_iters=6, max_epochs=3)
    found = []
    for step in range(5):
        run['iter'] = step
        with torch.no_grad():
            weight.fill_(step)
        model.loss(*batch())
        found.append(float(former.mean()))
    assert found == [0, 0, 2, 2, 4]
    run |= dict(max_epochs=1)
    with pytest.raises(ValueError, match='how many steps an epoch has.*give a number'):
        model.loss(*batch())


def test_loss_of_the_head():
    """On labelled people a student learns with its head's own loss."""
    own = network()
    own['head']['loss'] = dict(type='KeypointMSELoss', loss_weight=3.0)
    model = build(students=[network(), own]).eval()
    model.students[1].load_state_dict(model.students[0].state_dict())
    losses = model.loss(*batch())
    one, other = (losses[f'student{k}.loss_labelled'] for k in (0, 1))
    assert_close(other, 3 * one)


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
    inputs, data = easy_crops() if hard_from == 'easy_crop' else batch()
    with NoWaiting():
        total(model.loss(inputs, data)).backward()


@pytest.mark.skipif(not torch.cuda.is_available(), reason='needs a GPU')
@pytest.mark.parametrize('hard_from', ['image', 'easy_crop'])
@pytest.mark.parametrize('kind', ['DualStudent', 'ConsistencyStudent', 'SSPCM'])
def test_no_waiting_on_a_gpu(kind, hard_from):
    """CUDA itself raises where the program would wait."""
    operators = [
        dict(type=f'Batch{name}')
        for name in ('RandAugment', 'JointCutout', 'CutOcclude', 'CutMix', 'Cutout')
    ]
    model = build(
        kind,
        occlusions=[operators],
        views=views(hard_from=hard_from),
        pseudo_labels=dict(score_threshold=0.2),
        **(dict(snapshot_interval=1) if kind == 'SSPCM' else {}),
    ).cuda()
    inputs, data = easy_crops() if hard_from == 'easy_crop' else batch()
    inputs, data = (
        {name: tensor.cuda() for name, tensor in part.items()}
        for part in (inputs, data)
    )
    total(model.loss(inputs, data)).backward()  # cuDNN may wait when it first chooses
    torch.cuda.synchronize()
    torch.cuda.set_sync_debug_mode('error')
    try:
        total(model.loss(inputs, data)).backward()
    finally:
        torch.cuda.set_sync_debug_mode('default')


@pytest.mark.parametrize(
    ('hard_from', 'reach', 'message'),
    [
        ('image', 1.2, 'by up to 1.25.*for 1.2 .*CropPersonSource.*reach=1.25'),
        ('image', 1.0, "for 1 .*dict.type='CropPersonSource'.*not TopdownAffine"),
        ('easy_crop', 1.5, 'pieces of images: put .*TopdownAffine'),
    ],
)
def test_loader_that_does_not_fit(hard_from, reach, message):
    """Before the first step, and without a look at numbers on the device."""
    model = build(views=views(hard_from=hard_from))
    inputs, data = easy_crops()
    sample = PoseDataSample(metainfo=dict(source_reach=reach))
    data['samples'] = dict(unlabelled=[sample, sample])
    with NoWaiting(), pytest.raises(ValueError, match=message):
        model.loss(inputs, data)
    sample.set_metainfo(dict(source_reach=1.0 if hard_from == 'easy_crop' else 1.25))
    assert total(model.loss(inputs, data)).isfinite()


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
    stages = network()
    stages['head'] = dict(
        type='CPMHead',
        in_channels=64,
        out_channels=17,
        num_stages=2,
        decoder=stages['head']['decoder'],
    )
    with pytest.raises(ValueError, match='student 1 .* has CPMHead as head; expected'):
        build(students=[network(), stages])
    with pytest.raises(ValueError, match='labelled_weight=-1: expected 0 or more'):
        build(labelled_weight=-1)
    with pytest.raises(ValueError, match='loss_weight=-1: expected 0 or more'):
        build(loss_unlabelled=dict(type='HeatmapConsistencyLoss', loss_weight=-1))
    for values in ((-5, 1), (4, 0), (9,), 9, (4, float('nan'))):
        with pytest.raises(ValueError, match='pixel_weight=.*two numbers a, p'):
            build(pseudo_labels=dict(pixel_weight=values))
    for threshold in (-3, 1, float('nan')):
        with pytest.raises(ValueError, match='score_threshold=.*0 or more and less'):
            build(pseudo_labels=dict(score_threshold=threshold))
    with pytest.raises(ValueError, match='min_score=-1: expected 0 or more'):
        build('SSPCM', snapshot_interval=5, min_score=-1)
    with pytest.raises(ValueError, match="'epochs': expected a number of steps or"):
        build('SSPCM', snapshot_interval='epochs')
    with pytest.raises(ValueError, match='checkpoint'):
        model = build('ConsistencyStudent', teacher=dict(type='FrozenTeacher'))
        model.init_weights()
        model.loss(*batch())
    for other, message in ((network(heatmap=(32, 48)), 'same sizes'), (wrong, '16 jo')):
        with pytest.raises(ValueError, match=f'the teacher has heatmaps of.*{message}'):
            build(
                'ConsistencyStudent', teacher=dict(type='FrozenTeacher', network=other)
            )
    for kind, output in (('DualStudent', 'student7'), ('ConsistencyStudent', 'mean')):
        with pytest.raises(ValueError, match=f"must be one of .*, got '{output}'"):
            build(kind, test_cfg=dict(output=output))
    teacher = dict(type='ExponentialMovingAverage')
    build('ConsistencyStudent', teacher=teacher, test_cfg=dict(output='teacher'))
