"""Networks that turn crops of a person into feature maps.

Each is a class with ``names`` (the fields that it fills), ``note`` (where the features
come from), and a call that maps RGB crops ``(N, 3, S, S)`` in [0, 1] to one array
``(N, C, H, W)`` float16 a name. Weights are read from local files only.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmpose.registry import MODELS
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d, interpolate

from mmpose_ext.datasets.frame_store import sha256_of_file
from mmpose_ext.engine.checkpoints import load_checkpoint

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class SdxlVae:
    """Latents of a variational auto-encoder, by default Stable Diffusion XL's.

    The mean of the posterior, times the scaling factor of the weights: ``(4, S/8,
    S/8)``. Source: Podell et al., SDXL, 2023; PrML, appendix C.6.

    Args:
        weights: Folder of ``diffusers`` with ``config.json`` and ``.safetensors``.
        name: The field.
        size: Side S of the crops, a multiple of 8.
        device: Where it runs. In float32: this network overflows in float16.
    """

    GET = 'stabilityai/sdxl-vae'

    def __init__(self, weights: Path, *, name: str, size: int, device: str) -> None:
        self.note = folder_note(weights, self.GET)
        _check_multiple(size, 8)
        self.names = [name]
        diffusers = _import('diffusers')
        self.vae = diffusers.AutoencoderKL.from_pretrained(
            weights,
            local_files_only=True,
            use_safetensors=True,
            torch_dtype=torch.float32,
        )
        self.vae.to(device).eval()

    @torch.inference_mode()
    def __call__(self, crops: Tensor) -> dict[str, np.ndarray]:
        """Encode a batch."""
        latents = self.vae.encode(2 * crops - 1).latent_dist.mode()
        return {self.names[0]: to_half(latents * self.vae.config.scaling_factor)}


class DepthAnything:
    """Depth features, or relative depth, of Depth Anything (Yang et al., CVPR 2024).

    Crops are resized to the nearest size that patches divide. ``'features'`` are the
    last fused map before the depth regression, averaged to ``(C, S/8, S/8)``; C is 64
    in the small model, 128 in the base, 256 in the large one. ``'map'`` is the relative
    depth, ``(1, S/4, S/4)``, with zero mean and unit deviation in each crop, because
    its scale is arbitrary.

    Args:
        weights: Folder of ``transformers`` with ``config.json`` and ``.safetensors``.
        name: The field.
        size: Side S of the crops, a multiple of 8.
        device: Where it runs.
        output: ``'features'`` or ``'map'``.
    """

    GET = 'LiheYoung/depth-anything-small-hf'

    def __init__(
        self,
        weights: Path,
        *,
        name: str,
        size: int,
        device: str,
        output: str = 'features',
    ) -> None:
        self.note = f'{output} of {folder_note(weights, self.GET)}'
        _check_multiple(size, 8)
        self.names, self.size, self.output = [name], size, output
        transformers = _import('transformers')
        self.network = transformers.DepthAnythingForDepthEstimation.from_pretrained(
            weights, local_files_only=True, use_safetensors=True
        )
        self.network.to(device, torch.float32).eval()
        self.network.neck.register_forward_hook(self._keep_fused)
        patch = self.network.config.patch_size
        self.input_size = max(round(size / patch), 1) * patch
        self.normalise = Normalise(IMAGENET_MEAN, IMAGENET_STD).to(device)

    def _keep_fused(self, neck: nn.Module, inputs: Any, fused: list[Tensor]) -> None:
        self.fused = fused[self.network.config.head_in_index]

    @torch.inference_mode()
    def __call__(self, crops: Tensor) -> dict[str, np.ndarray]:
        """Encode a batch."""
        resized = interpolate(
            crops, (self.input_size,) * 2, mode='bicubic', antialias=True
        )
        depth = self.network(self.normalise(resized)).predicted_depth[:, None]
        if self.output == 'features':
            return {
                self.names[0]: to_half(adaptive_avg_pool2d(self.fused, self.size // 8))
            }
        depth = adaptive_avg_pool2d(depth, self.size // 4)
        std, mean = torch.std_mean(depth, dim=(2, 3), keepdim=True)
        return {self.names[0]: to_half((depth - mean) / std.clamp(min=1e-6))}


class HRNetStages:
    """The four resolutions of an HRNet trained for 2D pose: fields NAME_0 to NAME_3.

    Those that the public code of CA-PF takes: at a quarter of the crop's size the
    output of the last stage; at an eighth, a sixteenth and a thirty-second, to which
    detectors train no output, the branches of the first module of that stage.

    Args:
        weights: Checkpoint of MMPose.
        config: Its config, such as ``td-hm_hrnet-w32_8xb64-210e_coco-256x192.py``.
        name: Start of the fields' names.
        size: Side S of the crops, a multiple of 32.
        device: Where it runs.

    Raises:
        ValueError: If the backbone is no HRNet of four stages, or the checkpoint is of
            another network.
    """

    def __init__(
        self, weights: Path, config: Path, *, name: str, size: int, device: str
    ) -> None:
        _check_multiple(size, 32)
        model = _read_config(config).model
        if model.backbone.type != 'HRNet':
            raise ValueError(f'{config}: expected an HRNet, got {model.backbone.type}')
        self.names = [f'{name}_{level}' for level in range(4)]
        self.network = MODELS.build({**model.backbone, 'init_cfg': None})
        _load_backbone(self.network, weights)
        self.network.to(device).eval()
        self.note = f'{config.name}, {weights.name} ({sha256_of_file(weights)[:16]})'
        self.normalise = Normalise.of_preprocessor(model.data_preprocessor).to(device)
        self.branches: dict[int, Tensor] = {}
        for level in (1, 2, 3):
            self.network.stage4[0].branches[level].register_forward_hook(
                lambda _, inputs, output, level=level: self.branches.update(
                    {level: output}
                )
            )

    @torch.inference_mode()
    def __call__(self, crops: Tensor) -> dict[str, np.ndarray]:
        """Encode a batch."""
        first = self.network(self.normalise(crops))[0]
        maps = [first, *(self.branches[level] for level in (1, 2, 3))]
        return {name: to_half(maps[i]) for i, name in enumerate(self.names)}


class Normalise(nn.Module):
    """Subtract a mean and divide by a deviation, RGB or, if asked, BGR.

    Args:
        mean: Of each channel, for values in [0, 1].
        std: Of each channel.
        bgr: Reverse the channels first.
    """

    def __init__(
        self, mean: tuple[float, ...], std: tuple[float, ...], *, bgr: bool = False
    ) -> None:
        super().__init__()
        self.bgr = bgr
        self.register_buffer('mean', torch.tensor(mean)[:, None, None])
        self.register_buffer('std', torch.tensor(std)[:, None, None])

    @classmethod
    def of_preprocessor(cls, config: dict[str, Any]) -> Normalise:
        """What a ``PoseDataPreprocessor`` does to images that were read as BGR."""
        mean, std = (tuple(v / 255 for v in config[key]) for key in ('mean', 'std'))
        return cls(mean, std, bgr=not config.get('bgr_to_rgb', False))

    def forward(self, crops: Tensor) -> Tensor:
        """Normalise RGB crops ``(N, 3, S, S)`` in [0, 1]."""
        return ((crops.flip(1) if self.bgr else crops) - self.mean) / self.std


def to_half(maps: Tensor) -> np.ndarray:
    """float16 on the host."""
    return maps.to(torch.float16).cpu().numpy()


def folder_note(weights: Path, repository: str) -> str:
    """Name and checksum of the weights in a folder.

    Raises:
        FileNotFoundError: If it is no folder with a config and safetensors; the message
            says where to get one.
    """
    files = sorted(weights.glob('*.safetensors'))
    if not files or not (weights / 'config.json').is_file():
        raise FileNotFoundError(
            f'--weights {weights}: expected a folder with config.json and a '
            f'.safetensors file. Nothing is downloaded while this runs; fetch it once '
            f'with `hf download {repository} --local-dir {weights}`'
        )
    sums = ', '.join(f'{file.name} {sha256_of_file(file)[:16]}' for file in files)
    return f'{weights.name} ({sums})'


def _import(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ValueError(
            f'this encoder needs {name}, which cannot be imported ({error}); install '
            "the extra: pip install 'mmpose-ext[posynda]'"
        ) from error


def _check_multiple(size: int, factor: int) -> None:
    if size < factor or size % factor:
        raise ValueError(f'--size must be a multiple of {factor}, got {size}')


def _read_config(file: Path) -> Config:
    if not file.is_file():
        raise FileNotFoundError(
            f'--config {file} is missing; MMPose has such configs in '
            'configs/body_2d_keypoint/topdown_heatmap, and '
            '`mim download mmpose --config NAME --dest DIR` fetches one and its weights'
        )
    return Config.fromfile(file)


def _load_backbone(network: nn.Module, weights: Path) -> None:
    checkpoint = load_checkpoint(weights)
    state = checkpoint.get('state_dict', checkpoint)
    prefix = 'backbone.'
    own = {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}
    try:
        network.load_state_dict(own or state)
    except RuntimeError as error:
        raise ValueError(
            f'{weights} does not fit the backbone of the config: {error}'
        ) from error
