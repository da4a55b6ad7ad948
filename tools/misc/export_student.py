"""One network of a semi-supervised training as an ordinary MMPose estimator.

    python tools/misc/export_student.py configs/dual_student/dual_jc_r18_coco.py \
        work_dirs/dual_jc_r18_coco/best_mean_AP_epoch_*.pth models/dual_jc_r18 \
        --network student0

writes

    models/dual_jc_r18.py           config of a TopdownPoseEstimator
    models/dual_jc_r18.pth          its weights, without optimiser and logs
    models/dual_jc_r18.safetensors  the same weights

which stock MMPose takes, with or without this package:

    from mmpose.apis import init_model
    model = init_model('models/dual_jc_r18.py', 'models/dual_jc_r18.pth', device='cpu')

    python MMPOSE/tools/test.py models/dual_jc_r18.py models/dual_jc_r18.pth

The test data and the metrics stand in the config as they were, each metric by itself
instead of for several networks. Only if the data need transforms or datasets of this
package does the exported config import it, which is said. Before anything is written,
the exported estimator gets random images, and its heatmaps must be those of the student
bit for bit.

The names of the networks are those of the metrics: `student0`, `student1`, `student` of
a single one, `teacher` of a moving average. The ensemble is no network; export its
parts. `tools/misc/publish_model.py models/dual_jc_r18.pth NAME` gives files for the
public, with checksums. Files appear whole or not at all.
"""

from __future__ import annotations

import argparse
import copy
import io
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import mmpose.registry
import torch
from mmengine.config import Config
from mmengine.registry import Registry, init_default_scope
from mmpose.registry import MODELS
from safetensors.torch import save
from torch import Tensor, nn

from mmpose_ext.atomic_write import write_bytes
from mmpose_ext.engine.checkpoints import plain_containers
from mmpose_ext.engine.launch import add_cfg_options, add_trust_checkpoint
from mmpose_ext.engine.lifter_files import LifterFiles, load_config, load_lifter
from mmpose_ext.engine.pose_networks import choose_network, inner_metrics
from mmpose_ext.models.estimators.consistency_learner import (
    ConsistencyLearner,
    heatmaps_of,
)
from mmpose_ext.version import __version__

_SUFFIXES = ('.py', '.pth', '.safetensors')

# MMPose's own runtime, so that the config needs nobody else's.
_RUNTIME = dict(
    default_scope='mmpose',
    default_hooks=dict(
        timer=dict(type='IterTimerHook'),
        logger=dict(type='LoggerHook', interval=50),
        param_scheduler=dict(type='ParamSchedulerHook'),
        checkpoint=dict(type='CheckpointHook', interval=10),
        sampler_seed=dict(type='DistSamplerSeedHook'),
        visualization=dict(type='PoseVisualizationHook', enable=False),
    ),
    env_cfg=dict(
        cudnn_benchmark=False,
        mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0),
        dist_cfg=dict(backend='nccl'),
    ),
    vis_backends=[dict(type='LocalVisBackend')],
    visualizer=dict(
        type='PoseLocalVisualizer',
        vis_backends=[dict(type='LocalVisBackend')],
        name='visualizer',
    ),
    log_processor=dict(
        type='LogProcessor', window_size=50, by_epoch=True, num_digits=6
    ),
    log_level='INFO',
    load_from=None,
    resume=False,
)


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('config', help='config of the training')
    parser.add_argument('checkpoint', help='its checkpoint')
    parser.add_argument('out', help='name of the files, with or without a suffix')
    parser.add_argument(
        '--network', help='which one, e.g. student1 (default: the first)'
    )
    parser.add_argument('--overwrite', action='store_true', help='replace files')
    add_trust_checkpoint(parser)
    add_cfg_options(parser)
    args = parser.parse_args(argv)
    args.device = 'cpu'
    return args


def main(argv: Sequence[str] | None = None) -> list[Path]:
    """Read, check, write.

    Returns:
        The files.
    """
    args = parse_args(argv)
    files = files_to_write(args)
    cfg, model = load_model(args)
    name, network = choose_network(model, args.network)
    exported = exported_config(cfg, model, name)
    state = {key: value.clone() for key, value in network.state_dict().items()}
    check_heatmaps(exported, state, network)
    meta = {
        'exported_from': Path(args.config).stem,
        'network': name,
        'mmpose_ext': __version__,
        'dataset_meta': plain_containers(model.metainfo),
    }
    buffer = io.BytesIO()
    torch.save({'state_dict': state, 'meta': meta}, buffer)
    head = f'# {name} of {Path(args.config).name}, for stock MMPose.\n'
    contents = (
        (head + exported.pretty_text).encode(),
        buffer.getvalue(),
        save({key: value.contiguous() for key, value in state.items()}),
    )
    for path, content in zip(files, contents, strict=True):
        write_bytes(path, content)
        print(f'wrote {path} ({len(content) / 1e6:.1f} MB)')
    if 'custom_imports' in exported:
        print(
            'its test data need this package: ' + ', '.join(sorted(own_types(exported)))
        )
    return files


def files_to_write(args: argparse.Namespace) -> list[Path]:
    """The files of the export.

    Raises:
        FileExistsError: If one exists and ``--overwrite`` is not given.
    """
    stem = re.sub(r'\.(py|pth|pt|safetensors)$', '', args.out)
    files = [Path(stem + suffix) for suffix in _SUFFIXES]
    for file in files:
        if file.exists() and not args.overwrite:
            raise FileExistsError(
                f'{file} exists; choose another name or pass --overwrite'
            )
    return files


def load_model(args: argparse.Namespace) -> tuple[Config, ConsistencyLearner]:
    """The config and the trained model.

    Raises:
        FileNotFoundError: If a file does not exist.
        ValueError: If it is no model of students, or the checkpoint is of another one.
    """
    for file in (args.config, args.checkpoint):
        if not Path(file).expanduser().is_file():
            raise FileNotFoundError(f'there is no file {file}')
    files = LifterFiles('', args.config, args.checkpoint)
    cfg = load_config(files, args)
    model = load_lifter(files, args, cfg)
    if not isinstance(model, ConsistencyLearner):
        raise ValueError(
            f'{args.config} has a {type(model).__name__}, which MMPose can read as it '
            'is (tools/misc/publish_model.py); expected one of students, such as '
            'DualStudent or ConsistencyStudent'
        )
    return cfg, model


def exported_config(cfg: Config, model: ConsistencyLearner, name: str) -> Config:
    """The config of one network as an ordinary estimator.

    Args:
        cfg: Config of the training.
        model: Built from it.
        name: Of the network.
    """
    content: dict[str, Any] = copy.deepcopy(_RUNTIME)
    content['model'] = network_config(cfg, model, name)
    for phase in ('val', 'test'):
        loader, evaluator = cfg.get(f'{phase}_dataloader'), f'{phase}_evaluator'
        if loader is not None and cfg.get(evaluator) is not None:
            content[f'{phase}_dataloader'] = loader.to_dict()
            content[evaluator] = inner_metrics(cfg[evaluator])
            content[f'{phase}_cfg'] = {}
    if own_types(content):
        content['custom_imports'] = dict(
            imports=['mmpose_ext'], allow_failed_imports=False
        )
    return Config(content)


def network_config(cfg: Config, model: ConsistencyLearner, name: str) -> dict[str, Any]:
    """The part ``model`` of the exported config."""
    whole = cfg.model.to_dict()
    number = name.removeprefix('student')
    own = whole['students'][int(number)] if number.isdigit() else whole['student']
    # The weights are in the checkpoint; nothing is to be downloaded.
    own['backbone'].pop('init_cfg', None)
    preprocessor = {**whole['data_preprocessor'], 'type': 'PoseDataPreprocessor'}
    own.update(
        data_preprocessor=preprocessor,
        test_cfg={
            **(own.get('test_cfg') or {}),
            **{key: v for key, v in model.test_cfg.items() if key != 'output'},
            'flip_mode': 'heatmap',
        },
    )
    return own


def own_types(content: Any) -> set[str]:
    """Types named anywhere in a config that this package registers."""
    registries = [r for r in vars(mmpose.registry).values() if isinstance(r, Registry)]
    ours = {
        name
        for registry in registries
        for name, kind in registry.module_dict.items()
        if kind.__module__.startswith('mmpose_ext')
    }
    found: set[str] = set()

    def look(part: Any) -> None:
        if isinstance(part, dict):
            found.update({part.get('type')} & ours if 'type' in part else ())
            for value in part.values():
                look(value)
        elif isinstance(part, list | tuple):
            for value in part:
                look(value)

    look(content.to_dict() if isinstance(content, Config) else content)
    return found


@torch.no_grad()
def check_heatmaps(
    exported: Config, state: dict[str, Tensor], network: nn.Module
) -> None:
    """Compare the exported estimator with the network on random images.

    Raises:
        ValueError: If their heatmaps differ.
    """
    init_default_scope('mmpose')
    estimator = MODELS.build(copy.deepcopy(exported.model)).eval()
    estimator.load_state_dict(state, strict=True)
    width, height = network.head.decoder.input_size
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(2, 3, height, width, generator=generator)
    difference = heatmaps_of(estimator, images) - heatmaps_of(network.eval(), images)
    if not bool((difference == 0).all()):
        raise ValueError(
            'heatmaps of the exported estimator differ by up to '
            f'{float(difference.abs().max()):.1e}, so it was not written; are the '
            'weights of the checkpoint sound?'
        )


if __name__ == '__main__':
    main()
