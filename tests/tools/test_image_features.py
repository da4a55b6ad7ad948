"""Crops, encoders, and the tool that brings features into a store."""

from __future__ import annotations

import sys

import cv2
import image_features_to_store as tool
import numpy as np
import pytest
import torch
from frame_images import FrameImages
from image_encoders import DepthAnything, HRNetStages, SdxlVae
from mmpose.registry import MODELS
from person_crops import crop_square, keypoints_in_boxes, person_boxes

from mmpose_ext.datasets.frame_store import (
    FrameStore,
    FrameStoreWriter,
    SequenceInfo,
)

SIZE = (64, 48)
LENGTHS = {'S1_walk': 3, 'S2_sit': 2}
CROP = 32


def image_of(sequence, frame):
    """A smooth image, different in every frame; RGB."""
    rng = np.random.default_rng([len(sequence), frame])
    small = rng.integers(0, 256, (4, 4, 3), dtype=np.uint8)
    return cv2.resize(small, SIZE, interpolation=cv2.INTER_LINEAR)


def poses_of(length, seed):
    """Keypoints that leave the image on two sides."""
    rng = np.random.default_rng(seed)
    return rng.uniform((-4, -4), (44, 40), (length, 17, 2)).astype(np.float32)


@pytest.fixture
def store(tmp_path):
    """A store of five frames, and their images ``images/<sequence>/<frame>.png``."""
    with FrameStoreWriter(tmp_path / 'store', joint_set='h36m17', fps=50.0) as writer:
        for seed, (name, length) in enumerate(LENGTHS.items()):
            row = SequenceInfo(
                name=name, subject=name[:2], image_size=SIZE, extra={'act': seed}
            )
            det, gt = poses_of(length, seed), poses_of(length, seed + 10)
            depth = np.zeros((length, 17, 1), np.float32)
            fields = {'keypoints_det': det, 'pose_image': np.append(gt, depth, -1)}
            writer.add_sequence(row, fields)
            folder = tmp_path / 'images' / name
            folder.mkdir(parents=True)
            for frame in range(length):
                image = cv2.cvtColor(image_of(name, frame), cv2.COLOR_RGB2BGR)
                cv2.imwrite(str(folder / f'{frame:03d}.png'), image)
    return tmp_path / 'store'


@pytest.fixture(scope='session')
def vae(tmp_path_factory):
    """A tiny random auto-encoder of SDXL's kind, saved as diffusers saves it."""
    diffusers = pytest.importorskip('diffusers', reason='diffusers is not installed')
    torch.manual_seed(0)
    model = diffusers.AutoencoderKL(
        block_out_channels=(4, 4, 4, 4),
        down_block_types=('DownEncoderBlock2D',) * 4,
        up_block_types=('UpDecoderBlock2D',) * 4,
        norm_num_groups=2,
        mid_block_add_attention=False,
        scaling_factor=0.13025,
    )
    folder = tmp_path_factory.mktemp('weights') / 'vae'
    model.save_pretrained(folder, safe_serialization=True)
    return folder


@pytest.fixture(scope='session')
def depth_anything(tmp_path_factory):
    """A tiny random Depth Anything, saved as transformers saves it."""
    transformers = pytest.importorskip(
        'transformers', reason='transformers is not installed'
    )
    torch.manual_seed(0)
    stages = [f'stage{i}' for i in range(1, 5)]
    backbone = transformers.Dinov2Config(
        hidden_size=8,
        num_hidden_layers=4,
        num_attention_heads=2,
        mlp_ratio=2,
        image_size=28,
        patch_size=14,
        out_features=stages,
        reshape_hidden_states=False,
    )
    config = transformers.DepthAnythingConfig(
        backbone_config=backbone,
        reassemble_hidden_size=8,
        neck_hidden_sizes=[4, 4, 4, 4],
        fusion_hidden_size=6,
        head_hidden_size=4,
    )
    model = transformers.DepthAnythingForDepthEstimation(config)
    for parameter in model.parameters():  # its own start makes a flat map
        torch.nn.init.normal_(parameter, std=0.3)
    folder = tmp_path_factory.mktemp('weights') / 'depth'
    model.save_pretrained(folder)
    return folder


@pytest.fixture
def hrnet(tmp_path):
    """A tiny HRNet: config, checkpoint with a head beside the backbone, network."""

    def stage(modules, branches, block='BASIC'):
        return dict(
            num_modules=modules,
            num_branches=branches,
            block=block,
            num_blocks=(1,) * branches,
            num_channels=tuple(4 * 2**i for i in range(branches)),
        )

    stages = dict(
        stage1=stage(1, 1, 'BOTTLENECK'),
        stage2=stage(1, 2),
        stage3=stage(1, 3),
        stage4=stage(2, 4),
    )
    backbone = dict(type='HRNet', extra=stages)
    preprocessor = dict(
        type='PoseDataPreprocessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
    )
    torch.manual_seed(0)
    network = MODELS.build(backbone)
    network.eval()
    state = {f'backbone.{k}': v for k, v in network.state_dict().items()}
    state['head.final_layer.weight'] = torch.zeros(1)
    config, weights = tmp_path / 'hrnet.py', tmp_path / 'hrnet.pth'
    pretrained = dict(type='Pretrained', checkpoint='https://nowhere/weights.pth')
    backbone['init_cfg'] = pretrained
    model = dict(data_preprocessor=preprocessor, backbone=backbone)
    config.write_text(f'model = {model!r}\n')
    torch.save({'state_dict': state, 'meta': {}}, weights)
    return config, weights, network


class TestCrops:
    def test_boxes(self):
        pose = np.array([[[10, 20], [30, 60], [20, 30]]], np.float32)
        assert person_boxes(pose, 1.0).tolist() == [[0, 20, 40, 60]]
        assert person_boxes(pose, 1.5).tolist() == [[-10, 10, 50, 70]]
        assert person_boxes(pose).dtype == np.float32

    def test_box_of_coinciding_joints(self):
        pose = np.full((1, 17, 2), 5.0)
        assert person_boxes(pose).tolist() == [[-3, -3, 13, 13]]

    def test_joints_in_the_box(self):
        pose = np.array([[[0, 20], [40, 60], [20, 40], [30, 20]]], np.float32)
        units = keypoints_in_boxes(pose, person_boxes(pose, 1.0))
        assert units.tolist() == [[[-1, -1], [1, 1], [0, 0], [0.5, -1]]]
        wide = keypoints_in_boxes(pose, person_boxes(pose, 2.0))
        np.testing.assert_allclose(wide, units / 2)

    @pytest.mark.parametrize(('side', 'size'), [(32, 32), (20, 40), (30.5, 16)])
    def test_ramp(self, side, size):
        """Pixel i of a ramp is worth i + 0.5, its centre; so is every crop pixel."""
        x, y = np.meshgrid(np.arange(64) + 0.5, np.arange(48) + 0.5)
        image = np.stack([x, y, x + y], -1).astype(np.float32)
        box = np.array([11.25, 7.5, 11.25 + side, 7.5 + side])
        crop = crop_square(image, box, size)
        centres = (np.arange(size) + 0.5) * side / size
        # OpenCV rounds positions to 1/32 pixel.
        np.testing.assert_allclose(crop[3, :, 0], 11.25 + centres, atol=0.04)
        np.testing.assert_allclose(crop[:, 5, 1], 7.5 + centres, atol=0.04)

    def test_whole_image(self):
        image = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)
        assert (crop_square(image, np.array([0, 0, 16, 16]), 16) == image).all()

    def test_outside_is_black(self):
        image = np.full((10, 20, 3), 200, np.uint8)
        crop = crop_square(image, np.array([-5, -5, 15, 15]), 20)
        assert (crop[5:15, 5:] == 200).all()
        assert (crop[:5] == 0).all() and (crop[15:] == 0).all()
        assert (crop[:, :5] == 0).all()


ROW = SequenceInfo(
    name='S1_walk', subject='S1', camera='7', image_size=SIZE, length=3, extra={'v': 4}
)


class TestFrameImages:
    def test_paths(self):
        images = FrameImages('d/{subject}/{v:02d}.{camera}/{frame:06d}.jpg', 1)
        assert str(images.path(ROW, 8)) == 'd/S1/04.7/000009.jpg'
        assert not images.is_video
        video = FrameImages('{sequence}.mp4')
        assert str(video.path(ROW, 8)) == 'S1_walk.mp4' and video.is_video

    def test_images(self, store):
        images = FrameImages(str(store.parent / 'images/{sequence}/{frame:03d}.png'))
        images.check(ROW)
        load = images.loader(ROW)
        assert (load(2)() == image_of('S1_walk', 2)).all()

    def test_video(self, tmp_path):
        file = tmp_path / 'S1_walk.avi'
        writer = cv2.VideoWriter(str(file), cv2.VideoWriter_fourcc(*'MJPG'), 25.0, SIZE)
        colours = [(250, 0, 0), (0, 250, 0), (0, 0, 250), (250, 250, 250)]
        for colour in colours:
            writer.write(np.full((*SIZE[::-1], 3), colour[::-1], np.uint8))
        writer.release()
        for first, expected in ((0, colours[:3]), (1, colours[1:])):
            video = FrameImages(str(tmp_path / '{sequence}.avi'), first)
            video.check(ROW)
            load = video.loader(ROW)
            found = [load(frame)().reshape(-1, 3).mean(axis=0) for frame in range(3)]
            np.testing.assert_allclose(found, expected, atol=8)
        load = FrameImages(str(file), 2).loader(ROW)
        assert load(0)().shape == (48, 64, 3) and load(1)
        with pytest.raises(ValueError, match='avi gave 2 frames, .* has 3'):
            load(2)

    def test_invalid(self, store, tmp_path):
        with pytest.raises(ValueError, match='--images'):
            FrameImages('{frame')
        with pytest.raises(ValueError, match=r"KeyError: 'take'.*'act'|can use .*'v'"):
            FrameImages('{take}/{frame}.png').path(ROW)
        with pytest.raises(ValueError, match='does not fit sequence'):
            FrameImages('{action:02d}/{frame}.png').path(ROW)
        pattern = str(store.parent / 'images/{sequence}/{frame:03d}.png')
        with pytest.raises(FileNotFoundError, match='003.png is missing .frame 2 of'):
            FrameImages(pattern, 1).check(ROW)
        with pytest.raises(FileNotFoundError, match='--first-frame 1'):
            FrameImages(str(tmp_path / '{frame}.png')).check(ROW)
        other = SequenceInfo(name='S1_walk', image_size=(48, 64), length=1)
        with pytest.raises(ValueError, match='is 64 x 48, the image size .*48, 64'):
            FrameImages(pattern).check(other)
        broken = tmp_path / 'broken.avi'
        broken.write_bytes(b'no video')
        with pytest.raises(ValueError, match='gave 0 frames.*not a video'):
            FrameImages(str(broken)).check(ROW)
        (store.parent / 'images/S1_walk/000.png').write_bytes(b'no image')
        with pytest.raises(ValueError, match='cannot be read as an image'):
            FrameImages(pattern).check(ROW)


def crops(number=2, size=CROP):
    return torch.rand(number, 3, size, size, generator=torch.Generator().manual_seed(0))


OPTIONS = dict(size=CROP, device='cpu')


class TestSdxlVae:
    def test_shapes(self, vae):
        encoder = SdxlVae(vae, name='sdxl_vae', **OPTIONS)
        (latents,) = encoder(crops()).values()
        assert encoder.names == ['sdxl_vae'] and list(encoder(crops())) == encoder.names
        assert latents.shape == (2, 4, 4, 4) and latents.dtype == np.float16

    def test_values(self, vae):
        import diffusers

        network = diffusers.AutoencoderKL.from_pretrained(vae).eval()
        with torch.no_grad():
            moments = network.quant_conv(network.encoder(crops() * 2 - 1))
        expected = 0.13025 * moments[:, :4].numpy()
        (latents,) = SdxlVae(vae, name='x', **OPTIONS)(crops()).values()
        np.testing.assert_allclose(latents, expected, atol=2e-3, rtol=2e-3)
        assert latents.std() > 0

    def test_invalid(self, vae, tmp_path, monkeypatch):
        for folder in (tmp_path / 'nowhere', tmp_path):
            with pytest.raises(FileNotFoundError, match='hf download stabilityai/sdxl'):
                SdxlVae(folder, name='x', **OPTIONS)
        (tmp_path / 'config.json').write_text('{}')
        (tmp_path / 'diffusion_pytorch_model.bin').write_bytes(b'pickle')
        with pytest.raises(FileNotFoundError, match='.safetensors file'):
            SdxlVae(tmp_path, name='x', **OPTIONS)
        with pytest.raises(ValueError, match='--size must be a multiple of 8, got 20'):
            SdxlVae(vae, name='x', size=20, device='cpu')
        monkeypatch.setitem(sys.modules, 'diffusers', None)
        with pytest.raises(ValueError, match=r'diffusers.*mmpose-ext\[posynda\]'):
            SdxlVae(vae, name='x', **OPTIONS)


class TestDepthAnything:
    def test_shapes(self, depth_anything):
        for output, shape in (('features', (6, 4, 4)), ('map', (1, 8, 8))):
            encoder = DepthAnything(
                depth_anything, name='depth', output=output, **OPTIONS
            )
            assert encoder.input_size == 28, 'two patches of 14'
            (maps,) = encoder(crops()).values()
            assert maps.shape == (2, *shape) and maps.dtype == np.float16
            assert encoder.note.startswith(f'{output} of depth (')

    def test_map_has_no_scale(self, depth_anything):
        encoder = DepthAnything(depth_anything, name='d', output='map', **OPTIONS)
        head = encoder.network.head.conv3
        torch.nn.init.normal_(head.weight), torch.nn.init.constant_(head.bias, 50)
        first = encoder(crops())['d'].astype(float)
        np.testing.assert_allclose(first.mean((2, 3)), 0, atol=1e-2)
        np.testing.assert_allclose(first.std((2, 3), ddof=1), 1, atol=1e-2)
        head.weight.data *= 3
        head.bias.data *= 3
        np.testing.assert_allclose(encoder(crops())['d'], first, atol=1e-2)

    def test_features_are_what_depth_is_made_of(self, depth_anything):
        encoder = DepthAnything(depth_anything, name='d', **OPTIONS)
        seen = []
        encoder.network.head.register_forward_pre_hook(
            lambda _, inputs: seen.append(inputs[0][-1])
        )
        found = encoder(crops())['d']
        pooled = torch.nn.functional.adaptive_avg_pool2d(seen[0], 4)
        assert pooled.std() > 0.1
        np.testing.assert_allclose(found, pooled, atol=1e-2, rtol=1e-2)

    def test_invalid(self, tmp_path, depth_anything, monkeypatch):
        with pytest.raises(FileNotFoundError, match='hf download .*depth-anything'):
            DepthAnything(tmp_path, name='x', **OPTIONS)
        monkeypatch.setitem(sys.modules, 'transformers', None)
        with pytest.raises(ValueError, match='this encoder needs transformers'):
            DepthAnything(depth_anything, name='x', **OPTIONS)


class TestHRNet:
    def test_shapes(self, hrnet):
        config, weights, _ = hrnet
        encoder = HRNetStages(weights, config, name='hrnet', **OPTIONS)
        maps = encoder(crops())
        assert encoder.names == list(maps) == [f'hrnet_{i}' for i in range(4)]
        shapes = [m.shape for m in maps.values()]
        assert shapes == [(2, 4, 8, 8), (2, 8, 4, 4), (2, 16, 2, 2), (2, 32, 1, 1)]

    def test_values(self, hrnet):
        """The first map is the network's output; the others enter its last fusion."""
        config, weights, network = hrnet
        maps = HRNetStages(weights, config, name='m', **OPTIONS)(crops())
        mean = torch.tensor([123.675, 116.28, 103.53])[:, None, None]
        std = torch.tensor([58.395, 57.12, 57.375])[:, None, None]
        seen = {}
        network.stage4[0].register_forward_hook(
            lambda _, inputs, output: seen.update(enumerate(inputs[0]))
        )
        with torch.no_grad():
            (output,) = network((crops() * 255 - mean) / std)
        np.testing.assert_allclose(maps['m_0'], output, atol=1e-2, rtol=1e-2)
        for level in (1, 2, 3):  # the module writes its branches into its input list
            np.testing.assert_allclose(
                maps[f'm_{level}'], seen[level], atol=1e-2, rtol=1e-2
            )

    def test_bgr(self, hrnet):
        """A network that was trained on BGR images gets them."""
        config, weights, _ = hrnet
        rgb = HRNetStages(weights, config, name='m', **OPTIONS)(crops())
        text = config.read_text().replace("'bgr_to_rgb': True", "'bgr_to_rgb': False")
        config.write_text(text)
        bgr = HRNetStages(weights, config, name='m', **OPTIONS)(crops().flip(1))
        for name in rgb:
            np.testing.assert_array_equal(bgr[name], rgb[name])

    def test_invalid(self, hrnet, tmp_path):
        config, weights, _ = hrnet
        with pytest.raises(ValueError, match='multiple of 32, got 40'):
            HRNetStages(weights, config, name='x', size=40, device='cpu')
        with pytest.raises(FileNotFoundError, match='mim download mmpose'):
            HRNetStages(weights, tmp_path / 'no.py', name='x', **OPTIONS)
        with pytest.raises(FileNotFoundError, match='no checkpoint'):
            HRNetStages(tmp_path / 'no.pth', config, name='x', **OPTIONS)
        other = tmp_path / 'resnet.py'
        other.write_text(config.read_text().replace("'HRNet'", "'ResNet'"))
        with pytest.raises(ValueError, match='expected an HRNet, got ResNet'):
            HRNetStages(weights, other, name='x', **OPTIONS)
        torch.save({'state_dict': {'conv1.weight': torch.zeros(1)}}, weights)
        with pytest.raises(ValueError, match='does not fit the backbone'):
            HRNetStages(weights, config, name='x', **OPTIONS)


def extract(store, encoder, weights, *options, pattern='{frame:03d}.png'):
    tool.main(
        [
            *(str(store), encoder, '--weights', str(weights), '--size', str(CROP)),
            *('--images', str(store.parent / 'images/{sequence}' / pattern)),
            *('--device', 'cpu', '--batch-size', '2', '--workers', '2', *options),
        ]
    )
    return FrameStore(store, verify=True)


class TestTool:
    def test_values(self, store, vae, capsys):
        """Each frame by itself gives what the tool stored for it."""
        result = extract(store, 'sdxl-vae', vae)
        assert set(result) == {
            *('keypoints_det', 'pose_image', 'sdxl_vae', 'crop_box', 'crop_keypoints')
        }
        assert result.fields['sdxl_vae'].note.startswith('sdxl-vae: vae (diffusion')
        assert 'sdxl_vae [5, 4, 4, 4]' in capsys.readouterr().out
        boxes = person_boxes(result['keypoints_det'])
        np.testing.assert_array_equal(result['crop_box'], boxes)
        joints = keypoints_in_boxes(result['keypoints_det'], boxes)
        np.testing.assert_array_equal(result['crop_keypoints'], joints)
        assert np.abs(joints).max() == pytest.approx(1 / 1.25)
        encoder = SdxlVae(vae, name='x', **OPTIONS)
        frames = [(name, i) for name, length in LENGTHS.items() for i in range(length)]
        for row, (name, frame) in enumerate(frames):
            crop = crop_square(image_of(name, frame), boxes[row], CROP)
            one = torch.from_numpy(crop).permute(2, 0, 1)[None] / 255
            expected = encoder(one)['x'][0]
            np.testing.assert_allclose(result['sdxl_vae'][row], expected, atol=2e-3)

    def test_hrnet_joins(self, store, vae, hrnet):
        first = extract(store, 'sdxl-vae', vae)
        latents = np.array(first['sdxl_vae'])
        config, weights, _ = hrnet
        result = extract(store, 'hrnet', weights, '--config', str(config))
        assert [result[f'hrnet_{i}'].shape[1:] for i in range(4)] == [
            *((4, 8, 8), (8, 4, 4), (16, 2, 2), (32, 1, 1))
        ]
        np.testing.assert_array_equal(result['sdxl_vae'], latents)
        assert 'hrnet.pth' in result.fields['hrnet_3'].note

    def test_depth_anything(self, store, depth_anything):
        result = extract(
            *(store, 'depth-anything', depth_anything),
            *('--depth-output', 'map', '--name', 'relative_depth', '--keypoints', 'gt'),
        )
        assert result['relative_depth'].shape == (5, 1, 8, 8)
        boxes = person_boxes(result['pose_image'][..., :2])
        np.testing.assert_array_equal(result['crop_box'], boxes)

    def test_other_crops_are_refused(self, store, vae):
        extract(store, 'sdxl-vae', vae)
        for options in (('--padding', '1.5'), ('--keypoints', 'gt')):
            with pytest.raises(ValueError, match='features of other crops'):
                extract(store, 'sdxl-vae', vae, '--name', 'again', *options)
        with pytest.raises(ValueError, match=r"has the fields \['sdxl_vae'\] already"):
            extract(store, 'sdxl-vae', vae)
        extract(store, 'sdxl-vae', vae, '--overwrite')

    def test_failure_leaves_the_store_alone(self, store, vae, monkeypatch):
        names = sorted(file.name for file in store.iterdir())
        monkeypatch.setattr(SdxlVae, '__call__', overflowing_at_call(3))
        with pytest.raises(
            ValueError, match="sdxl_vae of a frame of 'S2_sit' overflow"
        ):
            extract(store, 'sdxl-vae', vae)
        assert sorted(file.name for file in store.iterdir()) == names
        monkeypatch.undo()
        assert 'sdxl_vae' in extract(store, 'sdxl-vae', vae)

    def test_invalid(self, store, vae, tmp_path, capsys):
        with pytest.raises(FileNotFoundError, match='003.jpg|000.jpg is missing'):
            extract(store, 'sdxl-vae', vae, pattern='{frame:03d}.jpg')
        with pytest.raises(FileNotFoundError, match='not a FrameStore'):
            extract(tmp_path / 'nothing', 'sdxl-vae', vae)
        with pytest.raises(FileNotFoundError, match='hf download'):
            extract(store, 'sdxl-vae', tmp_path / 'nothing')
        for options, message in (
            (('hrnet', vae), 'hrnet needs --config'),
            (('sdxl-vae', vae, '--padding', '0'), '--padding must be positive'),
            (('sdxl-vae', vae, '--batch-size', '0'), 'start at 1'),
            (('clip', vae), 'invalid choice'),
        ):
            with pytest.raises(SystemExit):
                extract(store, *options)
            assert message in capsys.readouterr().err
        assert set(FrameStore(store)) == {'keypoints_det', 'pose_image'}

    def test_keypoints(self, store, vae, tmp_path):
        with FrameStoreWriter(tmp_path / 'bare', joint_set='h36m17', fps=1.0) as writer:
            row = SequenceInfo(name='S1_walk', image_size=SIZE)
            pose = np.zeros((3, 17, 3), np.float32)
            pose[1, 4] = np.nan
            writer.add_sequence(row, {'pose_image': pose})
        with pytest.raises(ValueError, match='has no keypoints_det'):
            extract(tmp_path / 'bare', 'sdxl-vae', vae, '--keypoints', 'det')
        with pytest.raises(ValueError, match='pose_image of frame 1 is not finite'):
            extract(tmp_path / 'bare', 'sdxl-vae', vae)


def overflowing_at_call(number):
    """An encoder whose output overflows in one batch."""
    calls = []

    def encode(self, batch):
        calls.append(len(batch))
        value = np.inf if len(calls) == number else 0.0
        return {'sdxl_vae': np.full((len(batch), 4, 4, 4), value, np.float16)}

    return encode
