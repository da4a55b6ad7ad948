"""Turn a training checkpoint into files to publish.

    python tools/misc/publish_model.py work_dirs/RUN/best_MPJPE_epoch_30.pth \
        models/prml_h36m_243

writes

    models/prml_h36m_243-<sum>.safetensors   the weights
    models/prml_h36m_243-<sum>.pth           the same with the joint set, for MMPose
    models/prml_h36m_243.json                a card: config, metrics, versions, sums

`<sum>` is the beginning of each file's SHA-256, as `torch.hub` checks it. Both weight
files load with `weights_only=True`; optimiser, logs and paths of the training machine
stay behind. Each file appears whole or not at all.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save

from mmpose_ext.atomic_write import write_bytes, write_json
from mmpose_ext.engine.checkpoints import load_checkpoint, plain_containers
from mmpose_ext.engine.launch import add_trust_checkpoint

_PRIVATE = re.compile(
    r'^(work_dir|load_from|resume|launcher|data_root|gpu_ids) ?=.*\n?', re.MULTILINE
)


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('in_file', help='training checkpoint')
    parser.add_argument('out_file', help='name to publish under, with or without .pth')
    add_trust_checkpoint(parser)
    return parser.parse_args(argv)


def plain_state_dict(checkpoint: dict[str, Any]) -> dict[str, torch.Tensor]:
    """The weights, each in memory of its own, without a wrapper's prefix.

    Args:
        checkpoint: A training checkpoint or a state dict.

    Raises:
        ValueError: If there are no weights in it.
    """
    state_dict = checkpoint.get('state_dict', checkpoint)
    tensors = {
        key.removeprefix('module.'): value.detach().cpu().contiguous().clone()
        for key, value in state_dict.items()
        if isinstance(value, torch.Tensor)
    }
    if not tensors or len(tensors) != len(state_dict):
        raise ValueError(
            'the checkpoint holds no state dict of tensors; its keys are '
            f'{list(checkpoint)[:10]}'
        )
    return tensors


def card_of(
    checkpoint: dict[str, Any], state_dict: dict[str, torch.Tensor]
) -> dict[str, Any]:
    """What a reader of the weights should know, as JSON.

    Args:
        checkpoint: The training checkpoint.
        state_dict: The weights that are published.
    """
    meta = checkpoint.get('meta', {})
    hub = checkpoint.get('message_hub', {})
    config = meta.get('cfg')
    metrics = {
        key.removeprefix('val/'): _number(buffer.current())
        for key, buffer in hub.get('log_scalars', {}).items()
        if key.startswith('val/') and not key.endswith('time')
    }
    return {
        'config': None if config is None else _PRIVATE.sub('', str(config)),
        'metrics': metrics,
        'epoch': meta.get('epoch'),
        'iter': meta.get('iter'),
        'seed': meta.get('seed'),
        'trained': meta.get('time'),
        'mmengine': meta.get('mmengine_version'),
        'torch': torch.__version__,
        'values': sum(tensor.numel() for tensor in state_dict.values()),
        'dtypes': sorted({str(tensor.dtype) for tensor in state_dict.values()}),
    }


def publish(in_file: str, out_file: str, *, trust: bool = False) -> dict[str, Path]:
    """Write the three files.

    Args:
        in_file: Training checkpoint.
        out_file: Name without suffix, or with `.pth` or `.safetensors`.
        trust: Read objects of any type.

    Returns:
        The paths of `safetensors`, `pth` and `card`.

    Raises:
        FileNotFoundError: If there is no such checkpoint.
        ValueError: If it holds no weights, or types that are not safe to read.
    """
    checkpoint = load_checkpoint(in_file, trust=trust)
    state_dict = plain_state_dict(checkpoint)
    stem = Path(re.sub(r'\.(pth|pt|safetensors)$', '', str(out_file)))
    buffer = io.BytesIO()
    content = {'state_dict': state_dict}
    joints = checkpoint.get('meta', {}).get('dataset_meta')
    if joints is not None:  # as training checkpoints have it, without objects
        content['meta'] = {'dataset_meta': plain_containers(joints)}
    torch.save(content, buffer)
    contents = {'safetensors': save(state_dict), 'pth': buffer.getvalue()}
    card = card_of(checkpoint, state_dict)
    card['files'] = {}
    paths = {}
    for suffix, content in contents.items():
        digest = hashlib.sha256(content).hexdigest()
        path = stem.with_name(f'{stem.name}-{digest[:8]}.{suffix}')
        write_bytes(path, content)
        card['files'][path.name] = {'sha256': digest, 'bytes': len(content)}
        paths[suffix] = path
    paths['card'] = stem.with_name(f'{stem.name}.json')
    write_json(paths['card'], card)
    return paths


def _number(value: Any) -> float | None:
    number = float(value)
    return number if math.isfinite(number) else None


def main(argv: Sequence[str] | None = None) -> None:
    """Publish."""
    args = parse_args(argv)
    paths = publish(args.in_file, args.out_file, trust=args.trust_checkpoint)
    for path in paths.values():
        print(f'wrote {path} ({path.stat().st_size / 1e6:.1f} MB)')


if __name__ == '__main__':
    main()
