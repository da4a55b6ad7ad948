"""What `tools/train.py` and `tools/test.py` share: flags, merging, processes.

Nothing that a run needs on GPUs lives only here, so MMPose's own tools run the same
configs.
"""

from __future__ import annotations

import argparse
import os
import socket
import subprocess
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config, DictAction
from mmengine.device import get_device
from mmengine.dist import is_distributed
from mmengine.registry import RUNNERS
from mmengine.runner import Runner

from mmpose_ext.engine.checkpoints import use_safe_checkpoints
from mmpose_ext.engine.console import show_what_matters

# Where each launcher says who a process is: rank, processes in all, rank on its node.
_LAUNCHER_VARIABLES = {
    'pytorch': ('RANK', 'WORLD_SIZE', 'LOCAL_RANK'),
    'slurm': ('SLURM_PROCID', 'SLURM_NTASKS', 'SLURM_LOCALID'),
    'mpi': (
        'OMPI_COMM_WORLD_RANK',
        'OMPI_COMM_WORLD_SIZE',
        'OMPI_COMM_WORLD_LOCAL_RANK',
    ),
}

_DRAWING_HOOKS = {'visualization': 'PosePictureHook', 'badcase': 'BadCaseAnalysisHook'}


def add_common_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags that training and testing share, named as in MMPose."""
    parser.add_argument('--work-dir', help='folder for logs, checkpoints and results')
    parser.add_argument(
        '--seed', type=int, help='seed of the run (default: the config)'
    )
    add_trust_checkpoint(parser)
    add_cfg_options(parser)
    parser.add_argument(
        '--show-dir', help='write pictures of predictions to this folder'
    )
    parser.add_argument(
        '--show', action='store_true', help='show predictions in a window'
    )
    parser.add_argument(
        '--interval', type=int, default=1, help='draw every so many samples'
    )
    parser.add_argument(
        '--wait-time', type=float, default=1, help='seconds that a window stays'
    )
    parser.add_argument(
        '--launcher',
        choices=['none', 'pytorch', 'slurm', 'mpi'],
        default='none',
        help='how the processes were started',
    )
    # torchrun sets LOCAL_RANK; the older launchers pass it as a flag.
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0)


def add_trust_checkpoint(parser: argparse.ArgumentParser) -> None:
    """Add the flag that lets checkpoints hold objects of any type."""
    parser.add_argument(
        '--trust-checkpoint',
        action='store_true',
        help='read checkpoints that hold more than weights and training state, which '
        'can run code from the file',
    )


def add_cfg_options(parser: argparse.ArgumentParser) -> None:
    """Add the flag that overrides settings of a config."""
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        default={},
        metavar='KEY=VALUE',
        help='override settings of the config, e.g. model.backbone.depth=4; lists as '
        'key="[a,b]" or key=a,b',
    )


def merge_common_arguments(cfg: Config, args: argparse.Namespace) -> None:
    """Put the flags of ``add_common_arguments`` into the config.

    ``--cfg-options`` is not among them: it is merged last, by the tools, so that it
    wins over every other flag.

    Args:
        cfg: The config, changed in place.
        args: Parsed flags.

    Raises:
        ValueError: If pictures are asked of a config without a hook that draws.
    """
    if args.launcher != 'none':
        os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    cfg.launcher = args.launcher
    if args.work_dir is not None:
        cfg.work_dir = args.work_dir
    elif cfg.get('work_dir') is None:
        cfg.work_dir = os.path.join('./work_dirs', Path(args.config).stem)
    if args.seed is not None:
        cfg.randomness = {**cfg.get('randomness', {}), 'seed': args.seed}
    if args.show or args.show_dir is not None:
        flag = '--show' if args.show_dir is None else '--show-dir'
        hook = drawing_hook(cfg, 'visualization', flag)
        hook.update(
            enable=True, show=args.show, out_dir=args.show_dir, interval=args.interval
        )
        if args.show:
            hook.wait_time = args.wait_time


def drawing_hook(cfg: Config, name: str, flag: str) -> Any:
    """The config of a hook in ``default_hooks``.

    Raises:
        ValueError: If the config has none.
    """
    hook = cfg.get('default_hooks', {}).get(name)
    if hook is None:
        raise ValueError(
            f'{flag} switches on the hook default_hooks.{name}, which {cfg.filename} '
            f'does not have; add one, such as dict(type={_DRAWING_HOOKS[name]!r})'
        )
    return hook


def build_runner(cfg: Config, *, trust_checkpoint: bool = False) -> Runner:
    """Build the runner of a config, with a readable console and safe checkpoints.

    Args:
        cfg: The whole config, flags merged.
        trust_checkpoint: Read checkpoints that hold objects of any type.

    Returns:
        ``Runner`` or what ``cfg.runner_type`` names.
    """
    use_safe_checkpoints(trust=trust_checkpoint)
    prepare_processes(cfg)
    runner_class = RUNNERS.get(cfg.get('runner_type', 'Runner'))

    class ConsoleRunner(runner_class):  # type: ignore[misc, valid-type]
        """Filters the console before the runner logs its first line."""

        def build_logger(self, *args: Any, **kwargs: Any) -> Any:
            logger = super().build_logger(*args, **kwargs)
            show_what_matters(logger)
            return logger

    return ConsoleRunner.from_cfg(cfg)


def prepare_processes(cfg: Config) -> None:
    """Make a run of several processes work on a machine without GPU.

    MMEngine starts process groups on CUDA only. Where there is none, the group is
    started here, with gloo, and the model is wrapped without device ids.

    Args:
        cfg: The config; ``launcher`` says whether there are several processes.

    Raises:
        ValueError: If there are GPUs but fewer than processes on this node, or if the
            launcher did not set its environment variables.
    """
    launcher = cfg.get('launcher', 'none')
    if launcher == 'none':
        return
    if get_device() != 'cpu':
        _check_gpu_count()
        return
    cfg.merge_from_dict({'env_cfg.dist_cfg.backend': 'gloo'})
    if not is_distributed():
        _start_gloo(launcher, cfg.env_cfg.dist_cfg.get('timeout', 1800))
    wrapper = cfg.get('model_wrapper_cfg') or dict(
        type='MMDistributedDataParallel',
        broadcast_buffers=False,
        find_unused_parameters=cfg.get('find_unused_parameters', False),
    )
    cfg.model_wrapper_cfg = {**wrapper, 'device_ids': None}


def leave_processes() -> None:
    """End the process group of a finished run, which torch expects of programs.

    Processes wait for each other first: while one still writes its checkpoint, the end
    of another could break their connection.
    """
    if is_distributed():
        torch.distributed.barrier()
        torch.distributed.destroy_process_group()


def _check_gpu_count() -> None:
    processes = int(os.environ.get('LOCAL_WORLD_SIZE', 1))
    gpus = torch.cuda.device_count()
    if 0 < gpus < processes:
        raise ValueError(
            f'{processes} processes on this node but {gpus} GPU(s): start {gpus}, or '
            'set CUDA_VISIBLE_DEVICES=-1 to run them on the CPU'
        )


def _start_gloo(launcher: str, timeout: float) -> None:
    names = _LAUNCHER_VARIABLES[launcher]
    missing = [name for name in names[:2] if name not in os.environ]
    if missing:
        raise ValueError(
            f'--launcher {launcher} needs the environment variables {missing}; start '
            'the run with tools/dist_train.sh or tools/slurm_train.sh'
        )
    rank, world_size = (os.environ[name] for name in names[:2])
    os.environ.update(RANK=rank, WORLD_SIZE=world_size)
    os.environ['LOCAL_RANK'] = os.environ.get(names[2], '0')
    os.environ.setdefault('MASTER_PORT', '29500')
    if 'MASTER_ADDR' not in os.environ:
        os.environ['MASTER_ADDR'] = _first_slurm_host() if launcher == 'slurm' else ''
    if os.environ['MASTER_ADDR'] in ('', '127.0.0.1', 'localhost'):
        os.environ['MASTER_ADDR'] = '127.0.0.1'
        _keep_gloo_on_loopback()
    torch.distributed.init_process_group(
        backend='gloo',
        rank=int(rank),
        world_size=int(world_size),
        timeout=timedelta(seconds=timeout),
    )


def _first_slurm_host() -> str:
    nodes = os.environ.get('SLURM_NODELIST', '')
    hosts = subprocess.run(
        ['scontrol', 'show', 'hostnames', nodes],
        capture_output=True,
        text=True,
        check=True,
    )
    return hosts.stdout.split()[0]


def _keep_gloo_on_loopback() -> None:
    """Gloo would otherwise look for an address by host name, which may not resolve."""
    interfaces = [name for _, name in socket.if_nameindex()]
    loopback = next((name for name in ('lo', 'lo0') if name in interfaces), None)
    if loopback is not None:
        os.environ.setdefault('GLOO_SOCKET_IFNAME', loopback)
