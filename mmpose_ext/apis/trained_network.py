"""A detector or 2D estimator from its files, ready to be run on batches."""

from __future__ import annotations

import os
from typing import Any

import torch
from mmengine.dataset import Compose, pseudo_collate
from mmengine.model import revert_sync_batchnorm
from mmengine.registry import DefaultScope, Registry

from mmpose_ext.engine.checkpoints import load_checkpoint
from mmpose_ext.engine.lifter_files import (
    LifterFiles,
    build_model,
    find_device,
    load_weights,
    read_config,
)


class TrainedNetwork:
    """A network of an OpenMMLab package with the pipeline that it is tested with.

    Args:
        config: Config file.
        checkpoint: Weights, ``.pth`` or ``.safetensors``.
        registry: The package's registry of models.
        device: A GPU where there is one, if ``None``.
        amp: Run in half precision on a GPU.
        trust_checkpoint: Read checkpoints that hold objects of any type.

    Raises:
        FileNotFoundError: If a file does not exist.
        ValueError: If the checkpoint is damaged or belongs to another model, the config
            says nothing of testing, or there is no such device.
    """

    def __init__(
        self,
        config: str | os.PathLike,
        checkpoint: str | os.PathLike,
        *,
        registry: Registry,
        device: str | None = None,
        amp: bool = False,
        trust_checkpoint: bool = False,
    ) -> None:
        self.device = find_device(device)
        self.config = str(config)
        self.cfg = read_config(config)
        if 'test_dataloader' not in self.cfg or 'model' not in self.cfg:
            raise ValueError(
                f'{config} has {sorted(self.cfg)}; expected a config with model and '
                'test_dataloader'
            )
        loaded = load_checkpoint(checkpoint, trust=trust_checkpoint)
        self.meta: dict[str, Any] = dict(loaded.get('meta') or {})
        self.scope = self.cfg.get('default_scope') or registry.scope
        with DefaultScope.overwrite_default_scope(self.scope):
            model = build_model(self.cfg, registry, str(config))
        files = LifterFiles('', str(config), str(checkpoint))
        load_weights(model, loaded.get('state_dict', loaded), files)
        self.model = revert_sync_batchnorm(model).to(self.device).eval()
        self.amp = amp and self.device.type == 'cuda'

    @property
    def test_dataset(self) -> Any:
        """Config of the data that the network is tested on, inside any wrappers."""
        dataset = self.cfg.test_dataloader.dataset
        while 'dataset' in dataset:
            dataset = dataset.dataset
        return dataset

    def pipeline(self, steps: list[dict]) -> Compose:
        """A pipeline of the package's transforms."""
        with DefaultScope.overwrite_default_scope(self.scope):
            return Compose(steps)

    @torch.no_grad()
    def run(self, samples: list[dict]) -> list[Any]:
        """Data samples with predictions for what the pipeline packed."""
        with (
            DefaultScope.overwrite_default_scope(self.scope),
            torch.autocast(self.device.type, enabled=self.amp),
        ):
            return self.model.test_step(pseudo_collate(samples))
