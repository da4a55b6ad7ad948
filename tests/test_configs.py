"""Every config loads, builds on the meta device, fits itself and its metafile row."""

from __future__ import annotations

import argparse
import functools
from pathlib import Path

import pytest
import torch
import yaml
from mmengine.config import Config, DictAction
from mmengine.registry import DefaultScope, init_default_scope
from mmpose import registry

import mmpose_ext  # noqa: F401

ROOT = Path(__file__).parents[1]
CONFIGS = {
    str(path.relative_to(ROOT)): path
    for path in sorted(ROOT.glob('configs/[!_]*/*.py'))
}
LISTS = sorted(ROOT.glob('configs/[!_]*/experiments.yaml'))
# Settings that a config need not write out, because they have a default.
OPTIONAL = {
    *('bias_init', 'bias_learnable', 'bias_tasks', 'support', 'support_channels'),
    *('order', 'num_steps', 'aggregation', 'subjects', 'pseudo_labels'),
    *('score_threshold', 'pixel_weight', 'load_from'),
}
METAFILES = sorted(ROOT.glob('configs/[!_]*/metafile.yml'))
# What decides which checkpoint is best, by the metric that reports it, and its rule.
PRIMARY = {
    'PoseLiftingMetric': {'MPJPE': 'less'},
    'CocoMetric': {'mean/AP': 'greater', 'student0/AP': 'greater'},
    'MpiiPCKAccuracy': {'mean/PCK': 'greater'},
    'TriangulatedPoseMetric': {'mean/MPJPE': 'less'},
    'MultiModalPoseMetric': {'MPJPE': 'less'},
}
# Configs that are scored on other data than the checkpoint is chosen with.
SCORED_ELSEWHERE = ('_h36m.py', '_test_dev.py', '_384x288.py')
ADAPTATIONS = ('PoSynDALifter', 'GANAdaptationLifter')
LIFTERS = ('SequenceLifter', 'DiffusionLifter', *ADAPTATIONS)
LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')


@pytest.fixture(autouse=True, scope='module')
def scope():
    """Types are looked up as the runner looks them up."""
    before = DefaultScope.get_current_instance()
    init_default_scope('mmpose')
    yield
    if before is not None:
        init_default_scope(before.scope_name)


@functools.cache
def load(name: str) -> Config:
    return Config.fromfile(CONFIGS[name])


@functools.cache
def model_of(name: str) -> torch.nn.Module:
    """The model of a config, without memory."""
    with torch.device('meta'):
        return registry.MODELS.build(load(name).model).eval()


def lifting_configs() -> list[str]:
    return [name for name in CONFIGS if load(name).model.type in LIFTERS]


def adaptation_configs() -> list[str]:
    return [name for name in CONFIGS if load(name).model.type in ADAPTATIONS]


def datasets_of(loader) -> list:
    """The data sets of a loader, one or several."""
    return list(loader.dataset.get('datasets', [loader.dataset]))


def steps_of(dataset) -> list:
    """All transforms of a data set."""
    keys = ('pipeline', 'labelled_pipeline', 'unlabelled_pipeline')
    return [step for key in keys for step in dataset.get(key, ())]


def optimizers_of(cfg: Config) -> list:
    """The optimiser of a config, or those of the parts of its model."""
    wrapper = cfg.optim_wrapper
    parts = [part for part in wrapper.values() if isinstance(part, dict)]
    return (
        [wrapper.optimizer] if 'optimizer' in wrapper else [p.optimizer for p in parts]
    )


def people_of(dataset) -> tuple[str, str, set[str]]:
    """Store, split and subjects; an empty set stands for all of them."""
    return dataset.store, dataset.split, set(dataset.get('subjects') or ())


def overlap(one, other) -> bool:
    """Whether two data sets have people in common."""
    store, split, subjects = people_of(one)
    others = people_of(other)
    return (store, split) == others[:2] and (
        not subjects or not others[2] or bool(subjects & others[2])
    )


def rows() -> dict[str, tuple[Path, dict]]:
    """Rows of all metafiles by the config that they name."""
    return {
        row['Config']: (path, row)
        for path in METAFILES
        for row in yaml.safe_load(path.read_text(encoding='utf-8')).get('Models') or ()
    }


def parameters_of(model: torch.nn.Module) -> int:
    """Parameters of the network; learned numbers of a loss are not part of it."""
    losses = ('head.loss', 'head.losses')
    return sum(
        parameter.numel()
        for name, parameter in model.named_parameters()
        if not name.startswith(losses)
    )


def test_there_are_configs():
    assert len(CONFIGS) >= 3
    assert 'configs/prml/prml_mocap_9.py' in CONFIGS


@pytest.mark.parametrize('name', CONFIGS)
def test_loads(name):
    cfg = load(name)
    assert cfg.default_scope == 'mmpose'
    assert cfg.custom_imports['imports'] == ['mmpose_ext']
    assert cfg.custom_imports['allow_failed_imports'] is False
    assert 'seed' in cfg.randomness
    assert eval(repr(cfg.to_dict())) == cfg.to_dict(), 'plain values only'
    assert CONFIGS[name].stem.islower()


def is_of_tasks(cfg) -> bool:
    """Whether a config learns one task after the other."""
    return cfg.train_cfg.get('type') == 'TaskIncrementalTrainLoop'


def metrics_of(evaluator) -> list:
    """The metrics of an evaluator, those inside of a ``PerNetworkMetric`` too."""
    several = evaluator if isinstance(evaluator, list) else [evaluator]
    return [inner for one in several for inner in one.get('scored_by', [one])]


@pytest.mark.parametrize('name', CONFIGS)
def test_primary_metric(name):
    cfg = load(name)
    known = {}
    for metric in metrics_of(cfg.val_evaluator):
        known |= PRIMARY.get(metric.type, {})
    best, rule = cfg.default_hooks.checkpoint.save_best, 'less'
    if name.startswith('configs/posynda/'):
        assert best is None, 'to choose by score would use the 3D of the target'
    elif is_of_tasks(cfg):
        assert best is None, 'the last task decides, not the best moment'
    else:
        rule = known[best]
    assert cfg.default_hooks.checkpoint.rule == rule
    if not name.endswith(SCORED_ELSEWHERE):
        assert cfg.val_evaluator == cfg.test_evaluator


@pytest.mark.parametrize('name', CONFIGS)
def test_types_are_registered(name):
    cfg = load(name)
    found = [(registry.METRICS, one) for one in metrics_of(cfg.test_evaluator)]
    found += [(registry.METRICS, one) for one in metrics_of(cfg.val_evaluator)]
    found += [(registry.HOOKS, hook) for hook in cfg.default_hooks.values() if hook]
    found += [(registry.HOOKS, hook) for hook in cfg.get('custom_hooks', ())]
    found += [(registry.OPTIMIZERS, one) for one in optimizers_of(cfg)]
    found += [(registry.PARAM_SCHEDULERS, entry) for entry in cfg.param_scheduler]
    found += [(registry.VISUALIZERS, cfg.visualizer)]
    for key in LOADERS:
        found += [(registry.DATASETS, cfg[key].dataset)]
        found += [(registry.DATA_SAMPLERS, cfg[key].sampler)]
        for dataset in datasets_of(cfg[key]):
            found += [(registry.DATASETS, dataset)]
            found += [(registry.TRANSFORMS, step) for step in steps_of(dataset)]
    missing = [
        entry['type'] for where, entry in found if where.get(entry['type']) is None
    ]
    assert not missing


@pytest.mark.parametrize('name', CONFIGS)
def test_schedule(name):
    """Schedulers cover the training and count as it counts."""
    cfg = load(name)
    by_epoch = cfg.train_cfg.get('by_epoch', True)
    length = cfg.train_cfg[
        'epochs_per_task'
        if is_of_tasks(cfg)
        else 'max_epochs'
        if by_epoch
        else 'max_iters'
    ]
    assert cfg.train_cfg.get('val_interval', 1) <= length
    assert not {'type', 'by_epoch'} <= set(cfg.train_cfg), 'MMEngine refuses both'
    assert max(entry.end for entry in cfg.param_scheduler) == length
    for entry in cfg.param_scheduler:
        assert entry.by_epoch == by_epoch
    assert cfg.default_hooks.checkpoint.get('by_epoch', True) == by_epoch
    assert cfg.default_hooks.checkpoint.interval <= length
    assert cfg.log_processor.by_epoch == by_epoch
    assert cfg.auto_scale_lr.base_batch_size == cfg.train_dataloader.batch_size


@pytest.mark.parametrize('name', lifting_configs())
def test_lifter_fits_its_data(name):
    cfg = load(name)
    (scored,) = datasets_of(cfg.test_dataloader)
    codec = cfg.model.head.decoder
    channels = 3 if codec.get('confidence', True) else 2
    if cfg.model.type != 'SequenceLifter':
        channels += 3  # the noisy pose
    assert cfg.model.backbone.in_channels == channels
    assert scored.target == codec.target
    for key in LOADERS:
        training = key == 'train_dataloader'
        assert cfg[key].sampler.get('shuffle', True) == training
        for dataset in datasets_of(cfg[key]):
            assert bool(dataset.get('test_mode')) != training
            assert dataset.seq_len == cfg.model.backbone.get('seq_len', scored.seq_len)
            assert dataset.keypoints_2d == scored.keypoints_2d
            assert dataset.pipeline[0].encoder == codec, 'encode and decode alike'
            assert dataset.target in (codec.target, None)
            if training and dataset.target is not None:
                assert not overlap(dataset, scored), 'labels of scored people'
    assert cfg.val_dataloader == cfg.test_dataloader
    assert 'seq_step' not in cfg.test_dataloader.dataset


TRAINED = {
    'configs/posynda/posynda_h36m_s1_243.py': 196_650,
    'configs/posynda/posynda_h36m_to_3dhp_27.py': 196_650,
    'configs/posynda/posynda_h36m_to_3dpw_27.py': 196_650,
    'configs/posynda/posynda_videopose3d_h36m_to_3dhp_27.py': 16_426,
    'configs/posynda/posynda_mocap_9.py': 9_258,
}


@pytest.mark.parametrize(('name', 'count'), TRAINED.items())
def test_trained_parameters(name, count):
    """What the README says is trained; 196,650 is the paper's (Table 3)."""
    parameters = model_of(name).parameters()
    assert sum(p.numel() for p in parameters if p.requires_grad) == count


def image_configs() -> list[str]:
    return [name for name in CONFIGS if name.startswith('configs/dual_student/')]


@pytest.mark.parametrize('name', image_configs())
def test_images_fit_the_network(name):
    """Crops, codec, joints and batches agree from the file to the heatmap."""
    cfg = load(name)
    networks = cfg.model.get('students') or [cfg.model.get('student', cfg.model)]
    decoder = networks[0].head.decoder
    assert all(network.head.decoder == decoder for network in networks)
    for key in LOADERS:
        for step in steps_of(cfg[key].dataset):
            if 'input_size' in step:
                assert tuple(step.input_size) == tuple(decoder.input_size)
            if step.type == 'GenerateTarget':
                assert step.encoder == decoder, 'encode and decode alike'
    semi = cfg.train_dataloader.dataset.type == 'SemiSupervisedDataset'
    assert semi == (cfg.model.type != 'TopdownPoseEstimator')
    if semi:
        assert cfg.train_dataloader.sampler.draws, 'a resumed run repeats its draws'
        assert cfg.train_dataloader.batch_size % 2 == 0
        assert cfg.train_dataloader.collate_fn.type == 'semi_supervised_collate'
        hard = cfg.model.views.hard
        crops = [
            step.reach
            for step in cfg.train_dataloader.dataset.unlabelled_pipeline
            if step.type == 'CropPersonSource'
        ]
        assert bool(crops) == (cfg.model.views.hard_from == 'image')
        assert all(reach >= 1 + hard.scale for reach in crops), 'views end in black'


STUDENTS = {
    # SimpleBaseline with ResNet-18, ResNet-50, ResNet-152; HRNet-W48 (Table 4: 34.0 M,
    # 68.6 M, 63.6 M) and HRNet-W32 (28.5 M), for 17 and 16 joints.
    'configs/dual_student/dual_r18_coco.py': (15.4, 15.4),
    'configs/dual_student/dual_r50_coco_wild.py': (34.0, 34.0),
    'configs/dual_student/dual_r152_coco_wild.py': (68.6, 68.6),
    'configs/dual_student/dual_w48_coco_wild.py': (63.6, 63.6),
    'configs/dual_student/dual_r18_w48_coco.py': (15.4, 63.6),
    'configs/dual_student/dual_w32_mpii_aic.py': (28.5, 28.5),
}
# Methods of Tables 1 and 2, each with every number of labels.
METHODS = (
    *('supervised_r18_coco', 'pseudopose_r18_coco', 'datadistill_r18_coco'),
    *('single_r18_coco', 'dual_r18_coco', 'single_jc_r18_coco', 'dual_ra_r18_coco'),
    *('dual_jc_r18_coco', 'supervised_w48_coco', 'dual_w48_coco', 'dual_r18_w48_coco'),
)
COUNTS = {'': 1000, '_5k': 5000, '_10k': 10000, '_20k': 20000, '_all': None}


@pytest.mark.parametrize(('name', 'millions'), STUDENTS.items())
def test_students(name, millions):
    found = [parameters_of(net) / 1e6 for net in model_of(name).students]
    assert found == pytest.approx(millions, abs=0.06)


def test_students_of_one_kind_start_apart():
    """As in the paper; the released code has other weights for ResNet-18 alone."""
    pairs = [
        [student.backbone for student in load(name).model.students]
        for name in image_configs()
        if load(name).model.type == 'DualStudent'
    ]
    starts = [
        [backbone.init_cfg for backbone in pair]
        for pair in pairs
        if all(b.get('depth') == 18 and 'init_cfg' in b for b in pair)
    ]
    assert len(starts) >= 6 and all(one != other for one, other in starts)


@pytest.mark.parametrize('name', image_configs())
def test_what_a_result_says_of_its_protocol(name):
    """Flip test as MMPose's; it and the boxes are noted; each has its own file."""
    cfg = load(name)
    assert cfg.default_hooks.protocol.type == 'EvaluationProtocolHook'
    test_cfg = cfg.model.test_cfg
    assert test_cfg.flip_test == test_cfg.get('shift_heatmap', False)
    for metric in metrics_of(cfg.test_evaluator):
        if 'outfile_prefix' in metric:
            assert metric.outfile_prefix == f'work_dirs/{CONFIGS[name].stem}'


def test_dark_smooths_as_far_as_its_gaussians_reach():
    """The formula in the docstring of MMPose's codec."""
    name = 'configs/dual_student/dual_w48_dark_coco_wild_384x288.py'
    for student in load(name).model.students:
        codec = registry.KEYPOINT_CODECS.build(student.head.decoder)
        assert codec.unbiased
        reach = (codec.blur_kernel_size - 1) * 0.5
        assert codec.sigma == pytest.approx(0.3 * (reach - 1) + 0.8, abs=0.15)


def rows_of(path: Path) -> dict[str, dict]:
    """Rows of a list of experiments by their names."""
    content = yaml.safe_load(path.read_text(encoding='utf-8'))
    return {row['name']: row for row in content['rows']}


def options_of(row: dict) -> dict:
    """A row's overrides as the command line reads them."""
    overrides = [f'{k}={v}' for k, v in row.get('options', {}).items()]
    parser = argparse.ArgumentParser()
    parser.add_argument('--cfg-options', nargs='*', action=DictAction, default={})
    return parser.parse_args(['--cfg-options', *overrides]).cfg_options or {}


@pytest.mark.parametrize('path', LISTS, ids=lambda path: path.parent.name)
def test_rows_of_the_experiments(path):
    """Every row's overrides name settings that exist, and its model builds."""
    for row in rows_of(path).values():
        cfg = Config.fromfile(ROOT / row['config'])
        options = options_of(row)
        start = [row['init_option']] if 'init_option' in row else []
        for key in [*options, *start]:
            parent, _, last = key.rpartition('.')
            owner = functools.reduce(_member, parent.split('.') if parent else [], cfg)
            assert last in owner or last in OPTIONAL, f'{row["name"]}: {key}'
        cfg.merge_from_dict(options)
        with torch.device('meta'):
            registry.MODELS.build(cfg.model)


@pytest.mark.parametrize('path', LISTS, ids=lambda path: path.parent.name)
def test_other_test_data_have_a_row(path):
    """A trained row is scored by its validation; another test needs its own row."""
    rows = rows_of(path).values()
    tested = {row['config'] for row in rows if row.get('test_only')}
    elsewhere = {
        row['config']
        for row in rows
        if load(row['config']).val_evaluator != load(row['config']).test_evaluator
    }
    assert elsewhere <= tested


@pytest.mark.parametrize('method', METHODS)
def test_every_number_of_labels(method):
    rows = rows_of(ROOT / 'configs/dual_student/experiments.yaml')
    for suffix, count in COUNTS.items():
        row = rows[method + suffix]
        cfg = Config.fromfile(ROOT / row['config'])
        cfg.merge_from_dict(options_of(row))
        data = cfg.train_dataloader.dataset
        assert data.get('labelled', data).num_instances == count
        if 'labelled' in data:
            assert data.unlabelled == ('rest' if count else 'all')
        if method.startswith(('pseudopose', 'datadistill')):
            assert row['init'] == f'supervised_r18_coco{suffix}'


def test_rows_start_from_weights_that_fit():
    """What a row takes from another one's checkpoint has its names and shapes."""

    def weights(model):
        return {name: value.shape for name, value in model.state_dict().items()}

    rows = rows_of(ROOT / 'configs/dual_student/experiments.yaml')
    for row in rows.values():
        if 'init' not in row:
            continue
        model = model_of(row['config'])
        given = weights(model_of(rows[row['init']]['config']))
        if row.get('test_only'):
            assert given == weights(model), row['name']
        elif row['init_option'] == 'model.teacher.checkpoint':
            assert given == weights(model.teacher.network), row['name']
        else:
            cfg = Config.fromfile(ROOT / row['config'])
            cfg.merge_from_dict(options_of(row))
            prefix = cfg.model.init_cfg.prefix or ''
            wanted = weights(model).items()
            missing = {k for k, shape in wanted if given.get(prefix + k) != shape}
            last = {f'head.final_layer.{name}' for name in ('weight', 'bias')}
            assert missing == last, row['name']


def test_fine_tuning_starts_from_the_first_student(tmp_path):
    """Straight from a checkpoint of two students; the last layer starts anew."""
    cfg = Config.fromfile(CONFIGS['configs/dual_student/finetune_r18_h36m.py'])
    trained = load('configs/dual_student/dual_r18_mpii_aic.py').model.students[0]
    state = registry.MODELS.build(trained).state_dict()
    file = tmp_path / 'epoch_100.pth'
    content = {f'{cfg.model.init_cfg.prefix}{name}': v for name, v in state.items()}
    torch.save({'state_dict': content}, file)
    cfg.model.init_cfg.checkpoint = str(file)
    model = registry.MODELS.build(cfg.model)
    model.init_weights()
    for name, value in model.state_dict().items():
        if not name.startswith('head.final_layer'):
            assert torch.equal(value, state[name]), name
    spread = float(model.head.final_layer.weight.detach().std())
    assert spread == pytest.approx(0.001, rel=0.2)


def _member(owner, key):
    return owner[int(key)] if key.isdigit() else owner[key]


@pytest.mark.parametrize('name', adaptation_configs())
def test_adaptation_is_what_it_says(name):
    """Source with labels, target without; transductive ones see the scored 2D."""
    cfg = load(name)
    source, target = datasets_of(cfg.train_dataloader)
    (scored,) = datasets_of(cfg.test_dataloader)
    assert source.target == 'camera' and target.target is None
    assert not overlap(source, target)
    assert target.intrinsics == 'required'
    setting = cfg.model.train_cfg.setting
    assert overlap(target, scored) == (setting == 'transductive')
    assert name.endswith('_transductive.py') == (setting == 'transductive')
    if setting == 'transductive':
        assert people_of(target) == people_of(scored)
    assert cfg.train_dataloader.sampler.type == 'SourceTargetSampler'
    assert cfg.train_dataloader.batch_size % 2 == 0
    assert cfg.load_from


@pytest.mark.parametrize('name', lifting_configs())
def test_lifter_runs_on_meta(name):
    cfg, model = load(name), model_of(name)
    frames = cfg.test_dataloader.dataset.seq_len
    channels = cfg.model.backbone.in_channels
    if cfg.model.type != 'SequenceLifter':
        channels -= 3  # the noisy pose comes from the lifter
    assert {p.device.type for p in model.parameters()} == {'meta'}
    features = getattr(model.backbone, 'feature_shapes', {})
    shapes = {'keypoints': (17, channels), **features}
    inputs = {
        name: torch.empty(2, frames, *shape, device='meta')
        for name, shape in shapes.items()
    }
    inputs = inputs if features else inputs['keypoints']
    assert model(inputs, None, mode='tensor').shape == (2, frames, 17, 3)
    for loader in LOADERS:
        for dataset in datasets_of(cfg[loader]):
            assert sorted(dataset.get('features', [])) == sorted(features)


@pytest.mark.parametrize(
    'name', [name for name in CONFIGS if name.startswith('configs/mmfi/')]
)
def test_sensors_fit_their_encoders(name):
    cfg, model = load(name), model_of(name)
    for network in model.networks:
        for loader in LOADERS:
            dataset = cfg[loader].dataset
            assert tuple(dataset.modalities) == network.modalities
            if 'rgb' in network.modalities:
                frames = network.encoders['rgb'].receptive_field
                assert dataset.windows['rgb'] == frames
        if is_of_tasks(cfg) and 'consolidation' in cfg.train_cfg:
            assert network.consolidation is not None


@pytest.mark.parametrize('name', CONFIGS)
def test_metafile_row(name):
    _, row = rows()[name]
    count = parameters_of(model_of(name))
    assert row['Metadata']['Parameters'] == pytest.approx(count, rel=0.005)
    assert row['Name'] == CONFIGS[name].stem
    cfg = load(name)
    if 'Frames' in row['Metadata']:
        assert row['Metadata']['Frames'] == cfg.test_dataloader.dataset.seq_len


@pytest.mark.parametrize('path', METAFILES, ids=lambda path: path.parent.name)
def test_metafile(path):
    content = yaml.safe_load(path.read_text(encoding='utf-8'))
    collections = {entry['Name'] for entry in content['Collections']}
    for entry in content['Collections']:
        assert (ROOT / entry['README']).is_file(), entry['README']
    names = [row['Name'] for row in content['Models']]
    assert len(names) == len(set(names))
    for row in content['Models']:
        assert (ROOT / row['Config']).is_file(), row['Config']
        assert row['Config'].startswith(f'configs/{path.parent.name}/')
        assert row['In Collection'] in collections


def test_model_index_lists_every_metafile():
    index = yaml.safe_load((ROOT / 'model-index.yml').read_text(encoding='utf-8'))
    assert sorted(index['Import']) == [str(p.relative_to(ROOT)) for p in METAFILES]
