"""Files of networks give the networks' numbers; the demo needs nothing but them."""

import contextlib
import io
import json
import re
import runpy
import subprocess
import sys
from pathlib import Path

import frame_lifter
import numpy as np
import pytest
import tiny_students
import torch
import untrained
from mmengine.config import Config
from mmpose.registry import MODELS
from mmpose.structures import PoseDataSample

from mmpose_ext.apis.keypoint_lifter import KeypointLifter
from mmpose_ext.engine.onnx_check import open_session
from mmpose_ext.engine.onnx_export import read_facts
from mmpose_ext.geometry import FLIP_INDICES
from mmpose_ext.geometry.joint_maps import scores_to_h36m17, to_h36m17
from mmpose_ext.structures.tracks import PersonTrack

REPO = Path(__file__).parents[2]

# No torch, no package of ours or of OpenMMLab.
WITHOUT_TORCH = """
import runpy, sys
for name in ('torch', 'mmpose_ext', 'mmpose', 'mmengine', 'scipy', 'onnx'):
    sys.modules[name] = None
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name='__main__')
"""


@pytest.fixture(scope='module')
def tool(load_tool):
    return load_tool('export_onnx')


@pytest.fixture(scope='module')
def exported(tool, tmp_path_factory):
    """A small lifter in all precisions, its config, its weights and what was said."""
    folder = tmp_path_factory.mktemp('lifter')
    model = frame_lifter.model_config(target='image')
    config = frame_lifter.write_config(folder / 'frames.py', model)
    weights = frame_lifter.write_checkpoint(config, folder / 'frames.pth')
    said = io.StringIO()
    options = ['--fp16', '--int8', '--benchmark', '2', '9', '--out']
    with contextlib.redirect_stdout(said):
        files = tool.main([config, weights, *options, str(folder / 'frames.onnx')])
    return files, config, weights, said.getvalue()


def load_model(config, weights):
    model = MODELS.build(Config.fromfile(config).model).eval()
    model.load_state_dict(torch.load(weights)['state_dict'])
    return model


def run_file(path, **inputs):
    return open_session(path).run(None, inputs)


def test_values(exported):
    """The file does what the model does in `test_step`, in its unit."""
    files, config, weights, _ = exported
    model = load_model(config, weights)
    rng = np.random.default_rng(0)
    camera = dict(w=640.0, h=480.0)
    pixels = rng.uniform(0, 480, (4, 5, 17, 2)).astype(np.float32)
    scores = rng.uniform(0, 1, (4, 5, 17)).astype(np.float32)
    encode = model.head.decoder.encode
    encoded = np.stack(
        [
            encode(window, score, camera_param=camera)['keypoint_labels']
            for window, score in zip(pixels, scores, strict=True)
        ]
    )
    meta = dict(camera_param=camera, flip_indices=FLIP_INDICES)
    samples = [PoseDataSample(metainfo=meta) for _ in encoded]
    inputs = list(torch.from_numpy(encoded))
    with torch.no_grad():
        found = model.test_step(dict(inputs=inputs, data_samples=samples))
    expected = np.stack([sample.pred_instances.keypoints for sample in found])
    assert np.abs(expected).max() > 0.05
    facts = read_facts(files[0])
    unit = facts['fixed'] + 640 * facts['per_pixel']
    for file, tolerance in zip(files, (1e-5, 5e-3, 0.1), strict=True):
        poses = run_file(file, keypoints=encoded)[0] * unit
        np.testing.assert_allclose(poses, expected, atol=tolerance)


def test_files(exported):
    files, _, _, said = exported
    assert [file.name for file in files] == [
        'frames.onnx',
        'frames_fp16.onnx',
        'frames_int8.onnx',
    ]
    facts = [read_facts(file) for file in files]
    assert [fact['precision'] for fact in facts] == ['fp32', 'fp16', 'int8']
    for fact in facts:
        assert (fact['task'], fact['seq_len']) == ('lift_keypoints', 5)
        assert fact['config'] == 'frames' and fact['flip_test']
        assert len(fact['joint_maps']['blazepose33']['joints']) == 33
    assert said.count('differs from torch by') == 3


def test_benchmark(exported):
    """The T of the file, another one, and one that is too long for the network."""
    lines = exported[3].splitlines()
    names = ('fp32', 'int8', 'torch')
    for start in (f'  T={length}   {name}' for length in (5, 2) for name in names):
        (line,) = [line for line in lines if line.startswith(start)]
        found = re.search(
            r'([\d.]+) ms; ([\d.,]+) frames/s .* ([\d.,]+) with one', line
        )
        milliseconds, live, half = (
            float(text.replace(',', '')) for text in found.groups()
        )
        assert live == pytest.approx(1000 / milliseconds, rel=0.2)
        assert half == pytest.approx(live * (2 if 'T=5' in line else 1), rel=1e-3)
    assert any(line.startswith('  T=9: the clip has 9 frames') for line in lines)


@pytest.mark.parametrize('number', [2, 12])
def test_demo(exported, tmp_path, number):
    """Without torch, the demo gives the poses of our own API."""
    files, config, weights, _ = exported
    rng = np.random.default_rng(0)
    keypoints = rng.uniform(100, 400, (number, 17, 2)).astype(np.float32)
    scores = rng.uniform(0.2, 1, (number, 17)).astype(np.float32)
    content = dict(keypoints=keypoints.tolist(), scores=scores.tolist())
    (tmp_path / 'clip.json').write_text(json.dumps(content))
    demo = [sys.executable, '-c', WITHOUT_TORCH, str(REPO / 'demo/lift_onnx.py')]
    arguments = [files[0], tmp_path / 'clip.json', '--joints', 'coco17']
    out = tmp_path / 'out' / 'poses.npz'
    subprocess.run([*demo, *map(str, arguments), '--out', str(out)], check=True)
    with np.load(out) as found:
        poses, names = found['poses'], found['joint_names']
    assert names[0] == 'root' and len(names) == 17
    track = PersonTrack(
        track_id=0,
        frames=np.arange(number),
        keypoints=to_h36m17(keypoints, 'coco17'),
        scores=scores_to_h36m17(scores, 'coco17'),
        filled=np.zeros(number, bool),
        boxes=np.zeros((number, 4), np.float32),
    )
    lifter = KeypointLifter.of_model(load_model(config, weights), 5)
    (lifted,) = lifter.lift_tracks([track], (640, 480), progress=False)
    assert np.abs(lifted.poses).max() > 0.05
    np.testing.assert_allclose(poses, lifted.poses, atol=1e-5)


def test_demo_joint_set(exported, tmp_path, load_script):
    """The file's, or coco17 as in demo/lift_keypoints.py; never another silently."""
    demo, clip = load_script('demo/lift_onnx'), tmp_path / 'clip.npz'
    keypoints = np.random.default_rng(0).uniform(100, 400, (6, 17, 2))

    def poses(*flags, **fields):
        np.savez(clip, keypoints=keypoints, **fields)
        out = str(tmp_path / 'poses.npz')
        demo.main([str(exported[0][0]), str(clip), '--out', out, *flags])
        with np.load(out) as found:
            return found['poses']

    coco, ours = poses('--joints', 'coco17'), poses('--joints', 'h36m17')
    assert np.abs(coco - ours).max() > 1e-3
    np.testing.assert_array_equal(poses(), coco)
    np.testing.assert_array_equal(poses(joints='h36m17'), ours)
    np.testing.assert_array_equal(poses('--joints', 'h36m17', joints='h36m17'), ours)
    with pytest.raises(ValueError, match="joints are 'h36m17', but 'coco17' is asked"):
        poses('--joints', 'coco17', joints='h36m17')
    with pytest.raises(ValueError, match="unknown joint set 'body'; known: h36m17"):
        poses(joints='body')


def test_demo_invalid(exported, tmp_path, load_script):
    files = exported[0]
    demo = load_script('demo/lift_onnx')
    clip = tmp_path / 'clip.npz'
    np.savez(clip, keypoints=np.zeros((3, 18, 2)))
    with pytest.raises(ValueError, match='joint sets with as many: openpose18'):
        demo.main([str(files[0]), str(clip), '--joints', 'coco17'])
    with pytest.raises(ValueError, match="unknown joint set 'coco'"):
        demo.main([str(files[0]), str(clip), '--joints', 'coco'])
    np.savez(clip, keypoints=np.full((3, 17, 2), np.nan))
    with pytest.raises(ValueError, match='not finite'):
        demo.main([str(files[0]), str(clip)])
    np.savez(clip, keypoints=np.random.default_rng(0).uniform(0, 9, (3, 17, 2)))
    with pytest.raises(ValueError, match='give --image-size'):
        demo.main([str(files[0]), str(clip), '--person-height', '0'])
    with pytest.raises(FileNotFoundError, match='nowhere'):
        demo.main([str(files[0]), 'nowhere.json'])
    with pytest.raises(FileNotFoundError, match='nowhere'):
        demo.main(['nowhere.onnx', str(clip)])
    with pytest.raises(ValueError, match='cannot be read as a network'):
        demo.main([str(clip), str(clip)])
    for flags in (
        ['--batch-size', '0'],
        ['--threads', '0'],
        ['--person-height', '-1'],
        ['--image-size', 'nan', '480'],
    ):
        with pytest.raises(SystemExit):
            demo.main([str(files[0]), str(clip), *flags])


@pytest.mark.parametrize(
    ('content', 'expected'),
    [
        ([{'keypoints': [[1, 2]]}], 'keypoints is no array of numbers'),
        ({'points': []}, r"holds \['points'\]; expected keypoints"),
        (np.ones((3, 17, 1)).tolist(), r'shape \(3, 17, 1\); expected'),
        (np.full((3, 17, 3), 90).tolist(), r'lie in \[90, 90\]; expected'),
        ({'keypoints': np.ones((3, 17, 2)).tolist(), 'scores': [1]}, 'scores have'),
        ({'keypoints': np.ones((3, 17, 2)).tolist(), 'image_size': 'a'}, 'image_size'),
        (np.full((3, 17, 2), 50).tolist(), 'all keypoints lie in one point'),
        (None, 'clip.json cannot be read as .json or .npz'),
    ],
)
def test_demo_invalid_clips(exported, tmp_path, load_script, content, expected):
    clip, out = tmp_path / 'clip.json', tmp_path / 'poses.npz'
    clip.write_text('hello' if content is None else json.dumps(content))
    demo = load_script('demo/lift_onnx')
    with pytest.raises(ValueError, match=expected):
        demo.main([str(exported[0][0]), str(clip), '--out', str(out)])
    assert not out.exists()


def test_demo_errors_are_one_line(exported, tmp_path, monkeypatch):
    script = REPO / 'demo/lift_onnx.py'
    monkeypatch.setattr(sys, 'argv', [str(script), str(exported[0][0]), 'none.json'])
    with pytest.raises(SystemExit) as stopped:
        runpy.run_path(str(script), run_name='__main__')
    assert stopped.value.code == 'lift_onnx.py: there is no file none.json'


def test_mismatch(tool, exported, tmp_path):
    """A file that differs is not written, and the exit code is not 0."""
    _, config, weights, _ = exported
    options = ['--tolerance', '-1', '--out', str(tmp_path / 'bad')]
    with pytest.raises(SystemExit, match='pose of inputs') as stopped:
        tool.main([config, weights, *options])
    assert stopped.value.code not in (0, None)
    assert not list(tmp_path.iterdir())


def test_invalid(tool, exported, tmp_path):
    files, config, weights, _ = exported
    with pytest.raises(FileExistsError, match='--overwrite'):
        tool.main([config, weights, '--out', str(files[0])])
    with pytest.raises(FileNotFoundError, match='nowhere'):
        tool.main([config, 'nowhere.pth', '--out', str(tmp_path / 'new')])
    with pytest.raises(SystemExit) as stopped:
        tool.main([config])
    assert stopped.value.code == 2
    for flags in (['--seq-len', '0'], ['--sampling-steps', '0'], ['--benchmark', '0']):
        with pytest.raises(SystemExit) as stopped:
            tool.main([config, weights, *flags])
        assert stopped.value.code == 2
    other = str(untrained.FIXTURES / 'tiny_lifting.py')
    with pytest.raises(ValueError, match='does not fit|lacks'):
        tool.main([other, weights, '--out', str(tmp_path / 'new')])
    model = dict(type='AbsolutePoseHead', in_channels=3)
    Config(dict(model=model, default_scope='mmpose')).dump(tmp_path / 'head.py')
    with pytest.raises(ValueError, match='has a AbsolutePoseHead; expected'):
        tool.main([str(tmp_path / 'head.py'), '--random-weights'])


def test_sampler(tool, tmp_path):
    """Two steps and any number of hypotheses, adding up in torch and in the file."""
    model = frame_lifter.denoiser_config(sampling_steps=2, num_hypotheses=3)
    config = frame_lifter.write_config(tmp_path / 'denoiser.py', model)
    weights = frame_lifter.write_checkpoint(config, tmp_path / 'denoiser.pth')
    (out,) = tool.main([config, weights, '--out', str(tmp_path / 'sampler')])
    model = load_model(config, weights)
    keypoints = torch.rand(2, 5, 17, 2) * 2 - 1
    with torch.no_grad():
        expected = model.draw_hypotheses(
            keypoints, 4, torch.Generator().manual_seed(1), list(FLIP_INDICES)
        )
    expected = (expected - expected[..., :1, :]).numpy()
    twin = torch.Generator().manual_seed(1)
    noise = [torch.randn(8, 5, 17, 3, generator=twin) for _ in range(2)]
    noise = torch.stack(noise, dim=1).unflatten(0, (2, 4))
    found = run_file(out, keypoints=keypoints.numpy(), noise=noise.numpy())
    np.testing.assert_allclose(found[1], expected, atol=1e-5)
    np.testing.assert_allclose(found[0], expected.mean(axis=1), atol=1e-5)
    assert np.abs(expected).max() > 0.1
    facts = read_facts(out)
    assert (facts['hypotheses'], facts['sampling_steps']) == (3, 2)


def test_demo_samples(tool, tmp_path, load_script):
    """The demo draws the noise itself, the same in every run."""
    config = frame_lifter.write_config(
        tmp_path / 'denoiser.py', frame_lifter.denoiser_config(num_hypotheses=2)
    )
    network, clip = tmp_path / 'sampler.onnx', tmp_path / 'clip.npz'
    tool.main([config, '--random-weights', '--out', str(network)])
    np.savez(clip, keypoints=np.random.default_rng(0).uniform(0, 99, (8, 17, 2)))
    demo, poses = load_script('demo/lift_onnx'), []
    for run in range(2):
        out = tmp_path / f'{run}.npz'
        demo.main([str(network), str(clip), '--out', str(out)])
        with np.load(out) as found:
            poses.append(found['poses'])
    assert poses[0].shape == (8, 17, 3) and np.isfinite(poses[0]).all()
    assert np.array_equal(*poses)


SHALLOW = ['model.backbone.depth=1']
SHALLOW_PRML = ['model.backbone.depth_2d=1', 'model.backbone.depth_d=1']
LIFTERS = {
    'prml/prml_mocap_9': SHALLOW_PRML,
    'prml/mixste_mocap_9': SHALLOW,
    'prml/motionbert_mocap_9': SHALLOW,
    'posynda/posynda_mocap_9': [*SHALLOW, 'model.test_cfg.sampling_steps=2'],
    'posynda/d3dp_mocap_9': SHALLOW,
    'posynda/d3dp_videopose3d_h36m_27': ['model.backbone.embed_dims=16'],
}


@pytest.mark.parametrize(
    ('name', 'options'),
    [
        ('prml/prml_mocap_9', SHALLOW_PRML),
        ('prml/mixste_mocap_9', SHALLOW),
        ('prml/motionbert_mocap_9', SHALLOW),
        ('posynda/posynda_mocap_9', [*SHALLOW, 'model.test_cfg.sampling_steps=1']),
    ],
)
def test_main_lifters(tool, name, options, tmp_path):
    """One layer, short windows, float32: the tool compares them before it writes."""
    out = tmp_path / 'lifter.onnx'
    flags = ['--random-weights', '--seq-len', '3', '--no-flip-test', '--out', str(out)]
    config = str(REPO / f'configs/{name}.py')
    tool.main([config, *flags, '--cfg-options', *options])
    assert open_session(out).get_outputs()[0].shape == ['batch', 3, 17, 3]


@pytest.mark.slow
@pytest.mark.parametrize('name', LIFTERS)
def test_lifters(tool, name, tmp_path):
    """Configs of all lifters, fewer layers: the tool compares them before it writes."""
    out = tmp_path / 'lifter.onnx'
    part = ['--part', 'denoiser'] if 'd3dp_mocap' in name else []
    config = str(REPO / f'configs/{name}.py')
    options = LIFTERS[name]
    if 'videopose3d' in name:
        options = [*options, 'model.head.in_channels=16']
    arguments = ['--random-weights', '--fp16', '--int8', '--out', str(out), *part]
    tool.main([config, *arguments, '--cfg-options', *options])
    session = open_session(out)
    shapes = {value.name: value.shape for value in session.get_inputs()}
    channels = 2 if 'posynda' in name else 3
    frames = int(name.rsplit('_', 1)[1])
    assert shapes['keypoints'] == ['batch', frames, 17, channels]
    if 'posynda_mocap' in name:
        assert shapes['noise'] == ['batch', 'hypotheses', 2, frames, 17, 3]
    if part:
        assert shapes['timesteps'] == ['batch']
    assert session.get_outputs()[0].shape == ['batch', frames, 17, 3]


def write_students(folder):
    """Students whose heatmaps depend on the image; their config and weights."""
    students = [tiny_students.network(4), tiny_students.network(4)]
    model = tiny_students.students(students=students)
    config = folder / 'dual.py'
    Config(dict(model=model, default_scope='mmpose')).dump(config)
    weights = untrained.write_checkpoint(config, folder / 'dual.pth')
    content = torch.load(weights)
    generator = torch.Generator().manual_seed(0)
    for name, value in content['state_dict'].items():
        if name.endswith('running_mean'):
            value.copy_(0.2 * torch.randn(value.shape, generator=generator))
        elif name.endswith('running_var'):
            value.copy_(0.1 + 0.4 * torch.rand(value.shape, generator=generator))
        elif name.endswith('final_layer.bias'):
            value.zero_()
    torch.save(content, weights)
    return str(config), weights


def test_student(tool, tmp_path):
    """The second student, colours normalised inside."""
    config, weights = write_students(tmp_path)
    out = tmp_path / 'student.onnx'
    tool.main([config, weights, '--network', 'student1', '--out', str(out)])
    network = load_model(config, weights)
    images = torch.randint(256, (3, 3, *tiny_students.SIZE[::-1]), dtype=torch.uint8)
    samples = [PoseDataSample() for _ in images]
    data = dict(inputs=list(images.flip(1)), data_samples=samples)
    normal = network.data_preprocessor(data)['inputs']
    with torch.no_grad():
        expected = network.networks()['student1'](normal, None).numpy()
    variation = np.ptp(expected, axis=0).max()
    assert variation > 0.2 * np.abs(expected).max(), 'heatmaps of the images'
    found = run_file(out, image=images.float().numpy())[0]
    np.testing.assert_allclose(found, expected, atol=1e-4 * variation)
    facts = read_facts(out)
    assert facts['colours'].startswith('RGB')
    assert facts['input_size'] == list(tiny_students.SIZE)
    assert facts['joint_names'][:2] == ['nose', 'left_eye']


def test_student_precisions(tool, tmp_path, capsys):
    """Convolutions in float16 and int8 still see the image."""
    config, weights = write_students(tmp_path)
    options = ['--fp16', '--int8', '--out', str(tmp_path / 'student')]
    files = tool.main([config, weights, *options])
    assert [read_facts(file)['precision'] for file in files] == ['fp32', 'fp16', 'int8']
    assert capsys.readouterr().out.count('of what outputs vary, at most') == 3
    shape = (2, 3, *tiny_students.SIZE[::-1])
    images = np.random.default_rng(1).integers(0, 256, shape).astype(np.float32)
    expected, half, small = (run_file(file, image=images)[0] for file in files)
    variation = np.ptp(expected, axis=0).max()
    assert 0 < np.abs(half - expected).max() < 0.02 * variation
    assert 0 < np.abs(small - expected).max() < 0.3 * variation


def test_student_without_sight(tool, tmp_path):
    """Heatmaps that are a bias alone: refused before the export, with the reason."""
    config, weights = write_students(tmp_path)
    content = torch.load(weights)
    for name, value in content['state_dict'].items():
        if 'final_layer' in name:
            value.fill_(1e-7 if name.endswith('weight') else 0.1)
    torch.save(content, weights)
    folder = tmp_path / 'out'
    folder.mkdir()
    with pytest.raises(SystemExit, match='heatmaps hardly depends on the inputs'):
        tool.main([config, weights, '--out', str(folder / 'blind')])
    assert not list(folder.iterdir())


POINTS = dict(type='PointTransformer', transformer_dim=4, num_neighbors=4, embed_dims=4)


def sensors(names, **options):
    """Small encoders of some sensors."""
    encoders = dict(
        rgb=dict(type='VideoPose3DEncoder', kernel_sizes=(1, 1, 1), embed_dims=8),
        lidar=dict(**POINTS, stage_points=(4,)),
        mmwave=dict(**POINTS, in_channels=5, stage_points=(4, None)),
        wifi=dict(type='MetaFi', depth=18, base_channels=2, num_heads=1),
    )
    encoders = {name: encoders[name] for name in names}
    return dict(type='MultiModalPoseEstimator', encoders=encoders, **options)


def clouds_of(rng, shape, counts):
    """Points 3 m away, padded with zeros, and their mask."""
    mask = np.arange(shape[0]) < np.array(counts)[:, None]
    points = rng.normal(size=(len(counts), *shape))
    points[..., 2] += 3
    return (points * mask[..., None]).astype('f4'), mask


ATTENTION = dict(type='AttentionFusion', embed_dims=8, num_heads=2, absent='no_token')


@pytest.mark.parametrize(
    ('names', 'fusion'),
    [
        (('rgb', 'lidar'), dict(type='ConcatFusion')),
        (('mmwave', 'wifi'), dict(type='ConcatFusion')),
        pytest.param(
            ('rgb', 'lidar', 'mmwave', 'wifi'), ATTENTION, marks=pytest.mark.slow
        ),
    ],
)
def test_sensors(tool, names, fusion, tmp_path):
    """Neighbours and farthest points are found inside the file.

    Clouds in the file are padded; what the network makes of them without padding must
    be the same, also for an empty cloud and without a sensor.
    """
    config, out = tmp_path / 'sensors.py', tmp_path / 'sensors.onnx'
    model = sensors(names, fusion=fusion)
    Config(dict(model=model, default_scope='mmpose')).dump(config)
    weights = untrained.write_checkpoint(config, tmp_path / 'sensors.pth')
    options = ['--max-points', '16', '12', '--out', str(out)]
    tool.main([str(config), weights, *options])
    assert read_facts(out)['modalities'] == list(names)
    model = load_model(str(config), weights)
    rng = np.random.default_rng(0)
    valid = np.array([[1, 1, 1, 1], [1, 0, 1, 1], [0, 1, 1, 0]], bool)
    everything = dict(
        valid=valid[:, : len(names)],
        rgb=rng.normal(size=(3, 1, 17, 2)).astype('f4'),
    )
    counts = dict(lidar=(16, 7, 9), mmwave=(0, 12, 3))
    for name, shape in (('lidar', (16, 3)), ('mmwave', (12, 5))):
        points, mask = clouds_of(rng, shape, counts[name])
        everything |= {name: points, f'{name}_mask': mask}
    everything['wifi'] = rng.uniform(size=(3, 3, 114, 10)).astype('f4')
    inputs = {
        key: value
        for key, value in everything.items()
        if key == 'valid' or key.removesuffix('_mask') in names
    }
    expected = []
    for row in range(3):
        alone = {}
        for key, value in inputs.items():
            most = counts.get(key.removesuffix('_mask'), [None] * 3)[row]
            part = value[row : row + 1]
            alone[key] = torch.from_numpy(part if most is None else part[:, :most])
        with torch.no_grad():
            expected.append(model(alone, None, 'tensor'))
    expected = torch.cat(expected).numpy()
    found = run_file(out, **inputs)[0]
    np.testing.assert_allclose(found, expected, atol=1e-4 * np.abs(expected).max())
    inputs['valid'] = np.ones_like(inputs['valid'])
    others = run_file(out, **inputs)[0]
    np.testing.assert_allclose(others[0], found[0], atol=1e-6)
    assert np.abs(others[1:] - found[1:]).max(axis=(1, 2)).min() > 1e-3


@pytest.mark.slow
def test_sensors_in_half(tool, tmp_path):
    """The encoders of clouds stay in float32, so the same neighbours are found."""
    config, out = tmp_path / 'sensors.py', tmp_path / 'sensors.onnx'
    model = sensors(('rgb', 'lidar', 'wifi'), fusion=ATTENTION)
    Config(dict(model=model, default_scope='mmpose')).dump(config)
    options = ['--random-weights', '--fp16', '--int8', '--max-points', '16', '12']
    files = tool.main([str(config), *options, '--out', str(out)])
    assert all(file.is_file() for file in files)
